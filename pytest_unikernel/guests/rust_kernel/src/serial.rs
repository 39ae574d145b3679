//! Text on the first serial port, and `print!` / `println!`.
//!
//! Source: 16550 data sheet. Each access to a port leaves the virtual machine, so they are counted: one poll
//! per sixteen bytes, which is what an empty FIFO takes.

use core::arch::asm;
use core::fmt::{self, Write};

use crate::single_core::SingleCore;

const COM1: u16 = 0x3f8;
const INTERRUPT_ENABLE: u16 = COM1 + 1;
const FIFO_CONTROL: u16 = COM1 + 2;
const LINE_CONTROL: u16 = COM1 + 3;
const LINE_STATUS: u16 = COM1 + 5;

const DIVISOR_ACCESS: u8 = 0x80;
const EIGHT_BITS_NO_PARITY: u8 = 0x03;
const FIFO_ON_AND_EMPTY: u8 = 0x07;
const TRANSMITTER_EMPTY: u8 = 0x20;
const FIFO_BYTES: u8 = 16;

struct Port {
    /// Bytes that the FIFO certainly still takes.
    room: u8,
    in_line: bool,
}

static PORT: SingleCore<Port> = SingleCore::new(Port { room: 0, in_line: false });

/// 115,200 baud, 8N1, FIFO on, no interrupts.
pub fn initialise() {
    outb(INTERRUPT_ENABLE, 0);
    outb(LINE_CONTROL, DIVISOR_ACCESS);
    outb(COM1, 1);
    outb(COM1 + 1, 0);
    outb(LINE_CONTROL, EIGHT_BITS_NO_PARITY);
    outb(FIFO_CONTROL, FIFO_ON_AND_EMPTY);
}

/// Ends a line that was begun, so that what follows starts one.
pub fn start_line() {
    if PORT.with(|port| port.in_line) {
        Serial.send(b"\n");
    }
}

/// The port as a destination of formatted text.
pub struct Serial;

impl Serial {
    pub fn send(&mut self, bytes: &[u8]) {
        PORT.with(|port| bytes.iter().for_each(|&byte| port.send(byte)));
    }
}

impl Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.send(text.as_bytes());
        Ok(())
    }
}

impl Port {
    fn send(&mut self, byte: u8) {
        if self.room == 0 {
            while inb(LINE_STATUS) & TRANSMITTER_EMPTY == 0 {}
            self.room = FIFO_BYTES;
        }
        outb(COM1, byte);
        self.room -= 1;
        self.in_line = byte != b'\n';
    }
}

fn outb(port: u16, value: u8) {
    // SAFETY: only called with the ports of COM1, which touch no memory.
    unsafe { asm!("out dx, al", in("dx") port, in("al") value, options(nomem, nostack, preserves_flags)) };
}

fn inb(port: u16) -> u8 {
    let value: u8;
    // SAFETY: as for `outb`.
    unsafe { asm!("in al, dx", in("dx") port, out("al") value, options(nomem, nostack, preserves_flags)) };
    value
}

/// Formatted text on the serial port.
#[macro_export]
macro_rules! print {
    ($($arg:tt)*) => {{
        use core::fmt::Write as _;
        let _ = write!($crate::serial::Serial, $($arg)*);
    }};
}

/// Formatted text and a line end on the serial port.
#[macro_export]
macro_rules! println {
    () => { $crate::print!("\n") };
    ($($arg:tt)*) => { $crate::print!("{}\n", format_args!($($arg)*)) };
}
