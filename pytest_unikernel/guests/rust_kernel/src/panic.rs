//! What a failure looks like from outside: one line that begins `guest panic: `, then QEMU's status 35.

use core::fmt::{self, Write};
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::exit::{exit, Status};
use crate::serial::{self, Serial};

static FAILING: AtomicBool = AtomicBool::new(false);

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    fail(format_args!("{info}"))
}

/// Prints the line and ends QEMU. A failure while it prints ends QEMU at once.
pub fn fail(message: fmt::Arguments) -> ! {
    if !FAILING.swap(true, Ordering::Relaxed) {
        serial::start_line();
        let _ = write!(OneLine, "guest panic: {message}");
        let _ = Serial.write_str("\n");
    }
    exit(Status::Panic)
}

/// Precompiled `alloc` refers to the unwinder; with `panic = "abort"` nobody calls it.
#[no_mangle]
extern "C" fn _Unwind_Resume() -> ! {
    exit(Status::Panic)
}

#[no_mangle]
extern "C" fn rust_eh_personality() {}

/// Line ends become spaces: Rust puts one between a panic's place and its message.
struct OneLine;

impl Write for OneLine {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Byte by byte: core's search uses SSE, which a nested KVM that emulates its guest may not know.
        for byte in text.bytes() {
            Serial.send(&[if byte == b'\n' { b' ' } else { byte }]);
        }
        Ok(())
    }
}
