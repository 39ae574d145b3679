//! Runs futures: one main future, and tasks that it spawns, in turn.
//!
//! Nothing interrupts this machine, so only a running future can wake a waiting one. When all wait, none ever
//! goes on: that is a panic here, not a hang.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::rc::Rc;
use alloc::sync::Arc;
use alloc::task::Wake;
use core::cell::RefCell;
use core::future::{poll_fn, Future};
use core::pin::{pin, Pin};
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use crate::single_core::SingleCore;

type TaskFuture = Pin<Box<dyn Future<Output = ()>>>;

/// The spawned tasks that can go on, longest waiting first.
static READY: SingleCore<VecDeque<Arc<Task>>> = SingleCore::new(VecDeque::new());

struct Task {
    /// `None` when done.
    future: SingleCore<Option<TaskFuture>>,
    queued: AtomicBool,
}

// SAFETY: there is only one thread, see `single_core.rs`. `Waker` asks for both.
unsafe impl Send for Task {}
unsafe impl Sync for Task {}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            READY.with(|ready| ready.push_back(self));
        }
    }
}

impl Task {
    fn run(self: Arc<Self>) {
        self.queued.store(false, Ordering::Relaxed);
        let waker = Waker::from(self.clone());
        // Out of its place while it runs: a task may call `block_on`, which runs tasks.
        let Some(mut future) = self.future.with(Option::take) else { return };
        if future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            self.future.with(|place| *place = Some(future));
        }
    }
}

/// Whether the main future can go on. A static and not a task: a kernel that spawns nothing needs no heap.
static MAIN_READY: AtomicBool = AtomicBool::new(true);

static MAIN_WAKER: RawWakerVTable = RawWakerVTable::new(main_waker, wake_main, wake_main, |_| {});

fn main_waker(_: *const ()) -> RawWaker {
    RawWaker::new(ptr::null(), &MAIN_WAKER)
}

fn wake_main(_: *const ()) {
    MAIN_READY.store(true, Ordering::Relaxed);
}

/// Runs `future` to its end, and the spawned tasks in between; those still waiting then are left.
///
/// # Panics
/// If nothing can go on.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    // SAFETY: the table's functions use no data.
    let waker = unsafe { Waker::from_raw(main_waker(ptr::null())) };
    MAIN_READY.store(true, Ordering::Relaxed);
    loop {
        if MAIN_READY.swap(false, Ordering::Relaxed) {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
        }
        let task = READY.with(VecDeque::pop_front);
        match task {
            Some(task) => task.run(),
            None if MAIN_READY.load(Ordering::Relaxed) => {}
            None => panic!("every task waits for another: nothing can go on"),
        }
    }
}

/// Starts a task beside the current one; awaiting the handle gives its result.
pub fn spawn<F: Future + 'static>(future: F) -> JoinHandle<F::Output> {
    let shared = Rc::new(RefCell::new(Outcome { value: None, waiting: None }));
    let outcome = shared.clone();
    let future = Box::pin(async move {
        let value = future.await;
        let mut outcome = outcome.borrow_mut();
        outcome.value = Some(value);
        if let Some(waker) = outcome.waiting.take() {
            waker.wake();
        }
    });
    let task = Task { future: SingleCore::new(Some(future)), queued: AtomicBool::new(false) };
    Arc::new(task).wake();
    JoinHandle(shared)
}

struct Outcome<T> {
    value: Option<T>,
    waiting: Option<Waker>,
}

/// The result of a spawned task, once it is there. Dropping it doesn't stop the task.
pub struct JoinHandle<T>(Rc<RefCell<Outcome<T>>>);

impl<T> Future for JoinHandle<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context) -> Poll<T> {
        let mut outcome = self.0.borrow_mut();
        match outcome.value.take() {
            Some(value) => Poll::Ready(value),
            None => {
                outcome.waiting = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Runs two futures by turns, in the current task, and gives both results.
pub async fn join<A: Future, B: Future>(first: A, second: B) -> (A::Output, B::Output) {
    let (mut first, mut second) = (pin!(first), pin!(second));
    let (mut left, mut right) = (None, None);
    poll_fn(|context| {
        poll_into(&mut left, first.as_mut(), context);
        poll_into(&mut right, second.as_mut(), context);
        if left.is_none() || right.is_none() {
            return Poll::Pending;
        }
        Poll::Ready(left.take().zip(right.take()).expect("both are there"))
    })
    .await
}

fn poll_into<F: Future>(result: &mut Option<F::Output>, future: Pin<&mut F>, context: &mut Context) {
    if result.is_none() {
        if let Poll::Ready(output) = future.poll(context) {
            *result = Some(output);
        }
    }
}

/// Lets everything else that can go on do so first.
pub async fn yield_now() {
    let mut yielded = false;
    poll_fn(|context| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}
