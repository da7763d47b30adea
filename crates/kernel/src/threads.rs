//! A pool of threads for loops that take microseconds: a worker that has run out of work looks for more for a while
//! before it goes to sleep.
//!
//! Waking a sleeping thread takes 20-60 µs, longer than most loops here. A worker that spins answers in less than one,
//! so a loop of 10 µs is already worth sharing. The thread that asks takes part, and takes over what no worker has
//! begun: sharing never waits for a thread to wake up.
//!
//! ```
//! use kernel::threads::share_out;
//!
//! let mut squares = vec![0; 100_000];
//! share_out(&mut squares, 1, 10_000, &|start, piece| {
//!     for (i, square) in piece.iter_mut().enumerate() {
//!         *square = (start + i) * (start + i);
//!     }
//! });
//! assert_eq!(squares[99_999], 99_999 * 99_999);
//! ```

use std::any::Any;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, TryLockError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Pieces that a loop is cut into, per thread: where one of the threads is held up, the others take more of them.
const PIECES: usize = 4;

/// No loop is cut into more pieces, whatever the number of threads.
pub(crate) const MOST: usize = u64::BITS as usize;

/// 0 until somebody asks.
static THREADS: AtomicUsize = AtomicUsize::new(0);

/// Nanoseconds.
static SPIN: AtomicU64 = AtomicU64::new(150_000);

static POOL: Pool =
    Pool { state: AtomicU64::new(0), job: AtomicPtr::new(null_mut()), seats: Mutex::new(Vec::new()) };

/// How many threads share a large loop, the one that asks included. To begin with, as many as the machine runs at once.
#[inline]
pub fn num_threads() -> usize {
    match THREADS.load(Ordering::Relaxed) {
        0 => as_many_as_run(),
        threads => threads,
    }
}

#[cold]
fn as_many_as_run() -> usize {
    static RUN: OnceLock<usize> = OnceLock::new();
    let threads = *RUN.get_or_init(|| thread::available_parallelism().map_or(1, usize::from));
    THREADS.store(threads, Ordering::Relaxed);
    threads
}

/// Sets [`num_threads`]: 1 means that nothing is shared. The results are the same bits for any number.
pub fn set_num_threads(threads: usize) {
    THREADS.store(threads.clamp(1, MOST), Ordering::Relaxed);
}

/// Sets how long a worker looks for work before it sleeps: 150 µs, unless said otherwise. Longer answers faster, and
/// takes more from other programs on the same cores.
pub fn set_spin(time: Duration) {
    SPIN.store(time.as_nanos().try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// Into how many pieces a loop over `n` is to be cut, none smaller than `least`.
#[inline]
pub fn pieces(n: usize, least: usize) -> usize {
    let least = least.max(1);
    if n < 2 * least {
        return 1;
    }
    match num_threads() {
        1 => 1,
        threads => (n / least).min(PIECES * threads).min(MOST),
    }
}

/// Runs `job` over `out`, cut into pieces: whole multiples of `unit` (but for the last), and not smaller than `least`.
/// The job gets the place where its piece begins. Panics of a job come out here.
pub fn share_out<T: Send>(out: &mut [T], unit: usize, least: usize, job: &(dyn Fn(usize, &mut [T]) + Sync)) {
    let n = out.len();
    let parts = pieces(n, least);
    if parts == 1 {
        return job(0, out);
    }
    let size = n.div_ceil(parts).next_multiple_of(unit.max(1));
    let out = Pieces::new(out, size);
    share(out.len(), &|i| job(i * size, out.take(i)));
}

/// A slice cut into pieces, each of which can be taken once, by any thread.
pub struct Pieces<'a, T> {
    start: *mut T,
    len: usize,
    size: usize,
    taken: AtomicU64,
    slice: PhantomData<&'a mut [T]>,
}

// SAFETY: what threads share through it are the pieces, each of which `take` hands to one of them; a `&mut [T]` may
// move to another thread if `T` may.
unsafe impl<T: Send> Sync for Pieces<'_, T> {}
// SAFETY: as a `&mut [T]`.
unsafe impl<T: Send> Send for Pieces<'_, T> {}

impl<'a, T> Pieces<'a, T> {
    /// Pieces of `size` elements; the last one may be smaller.
    ///
    /// # Panics
    /// If there are more than 64.
    pub fn new(slice: &'a mut [T], size: usize) -> Self {
        let size = size.max(1);
        assert!(slice.len().div_ceil(size) <= MOST, "a slice is cut into at most {MOST} pieces");
        Pieces {
            start: slice.as_mut_ptr(),
            len: slice.len(),
            size,
            taken: AtomicU64::new(0),
            slice: PhantomData,
        }
    }

    /// How many pieces there are.
    pub fn len(&self) -> usize {
        self.len.div_ceil(self.size)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Piece `i`.
    ///
    /// # Panics
    /// If there is no such piece, or it has been taken.
    pub fn take(&self, i: usize) -> &'a mut [T] {
        assert!(i < self.len(), "there is no piece {i} of {}", self.len());
        let before = self.taken.fetch_or(1 << i, Ordering::Relaxed);
        assert!(before & (1 << i) == 0, "piece {i} has been taken");
        let first = i * self.size;
        let len = self.size.min(self.len - first);
        // SAFETY: `first + len <= self.len`, so the piece lies in the slice, which is borrowed mutably for `'a`. Pieces
        // do not overlap, and the bit in `taken` lets each one out once.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(first), len) }
    }
}

/// A matrix cut into blocks of rows or of columns, each of which can be taken once, by any thread.
pub(crate) struct Blocks<'a, T> {
    start: *mut T,
    shape: [usize; 2],
    size: [usize; 2],
    taken: AtomicU64,
    matrix: PhantomData<&'a mut [T]>,
}

// SAFETY: as `Pieces`.
unsafe impl<T: Send> Sync for Blocks<'_, T> {}

impl<'a, T> Blocks<'a, T> {
    /// Blocks of `size` rows and columns (neither 0) of a row-major matrix; the last ones may be smaller.
    pub(crate) fn new(matrix: &'a mut [T], shape: [usize; 2], size: [usize; 2]) -> Self {
        assert_eq!(Some(matrix.len()), shape[0].checked_mul(shape[1]), "a matrix of {shape:?} elements");
        let blocks =
            Blocks { start: matrix.as_mut_ptr(), shape, size, taken: AtomicU64::new(0), matrix: PhantomData };
        assert!(blocks.len() <= MOST, "a matrix is cut into at most {MOST} blocks");
        blocks
    }

    fn across(&self) -> usize {
        self.shape[1].div_ceil(self.size[1])
    }

    /// How many blocks there are.
    pub(crate) fn len(&self) -> usize {
        self.shape[0].div_ceil(self.size[0]) * self.across()
    }

    /// Block `i`, and where in the matrix it begins.
    pub(crate) fn take(&self, i: usize) -> ([usize; 2], Block<'a, T>) {
        assert!(i < self.len(), "there is no block {i} of {}", self.len());
        let before = self.taken.fetch_or(1 << i, Ordering::Relaxed);
        assert!(before & (1 << i) == 0, "block {i} has been taken");
        let first = [i / self.across() * self.size[0], i % self.across() * self.size[1]];
        let [rows, columns] = [0, 1].map(|d| self.size[d].min(self.shape[d] - first[d]));
        // SAFETY: `first` lies inside of the matrix.
        let start = unsafe { self.start.add(first[0] * self.shape[1] + first[1]) };
        (first, Block { start, rows, columns, lead: self.shape[1], matrix: PhantomData })
    }
}

/// Rows and columns of a matrix that nobody else has.
pub(crate) struct Block<'a, T> {
    start: *mut T,
    rows: usize,
    columns: usize,
    lead: usize,
    matrix: PhantomData<&'a mut [T]>,
}

impl<'a, T> Block<'a, T> {
    /// The whole of a row-major matrix.
    pub(crate) fn whole(matrix: &'a mut [T], [rows, columns]: [usize; 2]) -> Self {
        Blocks::new(matrix, [rows, columns], [rows.max(1), columns.max(1)]).take(0).1
    }

    /// Rows and columns.
    pub(crate) fn shape(&self) -> [usize; 2] {
        [self.rows, self.columns]
    }

    /// Row `i` of the block.
    #[inline(always)]
    pub(crate) fn row(&mut self, i: usize) -> &mut [T] {
        assert!(i < self.rows, "there is no row {i} of {}", self.rows);
        // SAFETY: `start` is element (0, 0) of a block of `rows` by `columns` elements in a matrix with rows of `lead`
        // elements, which is borrowed mutably for `'a`; `take` has let the block out once, blocks do not overlap, and
        // while the row lives `self` is borrowed.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(i * self.lead), self.columns) }
    }
}

/// Runs `job(i)` for each `i` below `parts`, on as many threads as there are. While another thread's loop is shared, or
/// from inside of a job, the thread that asks does it alone. Panics of a job come out here.
///
/// # Panics
/// If there are more than 2³² parts.
pub fn share(parts: usize, job: &(dyn Fn(usize) + Sync)) {
    let alone = || (0..parts).for_each(job);
    if parts < 2 || num_threads() == 1 {
        return alone();
    }
    let mut seats = match POOL.seats.try_lock() {
        Ok(seats) => seats,
        Err(TryLockError::Poisoned(seats)) => seats.into_inner(),
        Err(TryLockError::WouldBlock) => return alone(),
    };
    let helpers = num_threads().min(parts) - 1;
    while seats.len() < helpers {
        let seat = Arc::new(Seat { number: seats.len(), asleep: AtomicBool::new(false) });
        let worker = Arc::clone(&seat);
        match thread::Builder::new().name("baekmi".into()).spawn(move || work(&worker)) {
            Ok(handle) => seats.push((seat, handle.thread().clone())),
            // No more threads to be had: the others do it.
            Err(_) => break,
        }
    }
    let job = Job { run: job, left: AtomicUsize::new(parts), panic: Mutex::new(None) };
    POOL.begin(&job, parts);
    for (seat, thread) in seats.iter().take(helpers) {
        if seat.asleep.swap(false, Ordering::SeqCst) {
            thread.unpark();
        }
    }
    while let Some((job, part)) = POOL.claim() {
        job.run(part);
    }
    job.wait();
    drop(seats);
    let panic = job.panic.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(panic) = panic {
        resume_unwind(panic);
    }
}

/// A loop that is shared, on the stack of the thread that asked.
struct Job<'a> {
    run: &'a (dyn Fn(usize) + Sync),
    /// Parts that are not done.
    left: AtomicUsize,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Job<'_> {
    fn run(&self, part: usize) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.run)(part))) {
            self.panic.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(panic);
        }
        // The last thing that is done to the job: whoever waits may now end it.
        self.left.fetch_sub(1, Ordering::Release);
    }

    /// Waits for the parts that others have begun.
    fn wait(&self) {
        let mut turns = 0u32;
        while self.left.load(Ordering::Acquire) > 0 {
            turns = turns.saturating_add(1);
            // Longer than a part should take: perhaps the other one waits for this core.
            if turns < 10_000 { std::hint::spin_loop() } else { thread::yield_now() }
        }
    }
}

/// What the workers look at.
struct Pool {
    /// The next part in the upper half, the number of parts in the lower: both change in one step.
    state: AtomicU64,
    /// The job that `state` speaks of. It may be looked at by who has claimed a part of it, until the part is done.
    job: AtomicPtr<Job<'static>>,
    /// The workers; locked by the thread whose job is shared.
    seats: Mutex<Vec<(Arc<Seat>, Thread)>>,
}

struct Seat {
    number: usize,
    asleep: AtomicBool,
}

impl Pool {
    /// Publishes a job. Only the thread that holds the lock on `seats` may do this, and all parts of the job before are
    /// claimed and done.
    fn begin(&self, job: &Job<'_>, parts: usize) {
        let parts =
            u32::try_from(parts).unwrap_or_else(|_| panic!("a loop of {parts} parts cannot be shared"));
        self.job.store(std::ptr::from_ref(job).cast_mut().cast(), Ordering::Relaxed);
        // Against `Seat::sleep`: either the worker sees this, or its sleep is seen here.
        self.state.store(u64::from(parts), Ordering::SeqCst);
    }

    fn has_work(&self, order: Ordering) -> bool {
        let state = self.state.load(order);
        (state >> 32) < (state & 0xFFFF_FFFF)
    }

    /// A part that nobody has begun.
    #[inline]
    fn claim(&self) -> Option<(&Job<'static>, usize)> {
        let claimed = self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
            ((state >> 32) < (state & 0xFFFF_FFFF)).then_some(state + (1 << 32))
        });
        let state = claimed.ok()?;
        let job = self.job.load(Ordering::Relaxed);
        // SAFETY: the job lies on the stack of the thread in `share`, which does not return before all parts are done;
        // this one is not, so the job is alive until `Job::run` counts it. `begin` has stored the pointer before the
        // state from which the part was claimed, and stores no other while a part is missing.
        Some((unsafe { &*job }, (state >> 32) as usize))
    }
}

/// What a worker does, for ever.
fn work(seat: &Seat) {
    let mut since = Instant::now();
    loop {
        let welcome = seat.number + 1 < num_threads();
        if welcome && POOL.has_work(Ordering::Relaxed) {
            while let Some((job, part)) = POOL.claim() {
                job.run(part);
            }
            since = Instant::now();
        }
        for _ in 0..64 {
            if POOL.has_work(Ordering::Relaxed) {
                break;
            }
            std::hint::spin_loop();
        }
        if !welcome || since.elapsed().as_nanos() > u128::from(SPIN.load(Ordering::Relaxed)) {
            seat.sleep(welcome);
            since = Instant::now();
        }
    }
}

impl Seat {
    fn sleep(&self, welcome: bool) {
        self.asleep.store(true, Ordering::SeqCst);
        if welcome && POOL.has_work(Ordering::SeqCst) {
            self.asleep.store(false, Ordering::SeqCst);
            return;
        }
        while self.asleep.load(Ordering::SeqCst) {
            thread::park();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::MutexGuard;

    /// The number of threads belongs to all tests.
    fn with_threads<R>(threads: usize, f: impl FnOnce() -> R) -> R {
        static ONE: Mutex<()> = Mutex::new(());
        let _guard: MutexGuard<'_, ()> = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        set_num_threads(threads);
        f()
    }

    #[test]
    fn every_part_is_done_once() {
        for threads in [1, 2, 3, 8] {
            with_threads(threads, || {
                for parts in [0, 1, 2, 7, 64, 1000] {
                    let counts: Vec<AtomicUsize> = (0..parts).map(|_| AtomicUsize::new(0)).collect();
                    share(parts, &|i| {
                        counts[i].fetch_add(1, Ordering::Relaxed);
                    });
                    assert!(counts.iter().all(|c| c.load(Ordering::Relaxed) == 1));
                }
            });
        }
    }

    #[test]
    fn jobs_follow_each_other_closely_and_after_a_sleep() {
        with_threads(3, || {
            let mut numbers = vec![0u64; 6 * 32];
            for round in 1..=5_000 {
                if round % 1000 == 0 {
                    thread::sleep(Duration::from_millis(2));
                }
                share_out(&mut numbers, 1, 32, &|start, piece| {
                    piece.iter_mut().enumerate().for_each(|(i, n)| *n += (start + i) as u64);
                });
                assert!(numbers.iter().enumerate().all(|(i, n)| *n == round * i as u64));
            }
        });
    }

    #[test]
    fn a_worker_lends_a_hand() {
        with_threads(2, || {
            // Both parts at the same time, at the latest when the other tests leave the pool alone.
            let together = || {
                let (begun, met) = (AtomicUsize::new(0), AtomicUsize::new(0));
                share(2, &|_| {
                    begun.fetch_add(1, Ordering::SeqCst);
                    for _ in 0..1000 {
                        if begun.load(Ordering::SeqCst) == 2 {
                            // Of two parts one after the other, only the second comes here.
                            met.fetch_add(1, Ordering::SeqCst);
                            return;
                        }
                        thread::yield_now();
                    }
                });
                met.into_inner() == 2
            };
            while !together() {}
        });
    }

    #[test]
    fn a_job_inside_of_a_job_is_done_alone() {
        with_threads(2, || {
            let count = AtomicUsize::new(0);
            share(4, &|_| {
                let outer = thread::current().id();
                share(4, &|_| {
                    assert_eq!(thread::current().id(), outer);
                    count.fetch_add(1, Ordering::Relaxed);
                });
            });
            assert_eq!(count.into_inner(), 16);
        });
    }

    #[test]
    fn several_threads_may_ask_at_once() {
        with_threads(2, || {
            thread::scope(|scope| {
                for seed in 0..4usize {
                    scope.spawn(move || {
                        for _ in 0..200 {
                            let mut out = vec![0; 1000];
                            share_out(&mut out, 10, 100, &|start, piece| piece.fill(start + seed));
                            // The places where pieces begin are multiples of 10.
                            let begins = |(i, &x): (usize, &usize)| x - seed <= i && (x - seed) % 10 == 0;
                            assert!(out.iter().enumerate().all(begins));
                        }
                    });
                }
            });
        });
    }

    #[test]
    fn a_panic_comes_out_and_the_pool_lives_on() {
        with_threads(2, || {
            for _ in 0..10 {
                let caught = catch_unwind(|| share(8, &|i| assert!(i != 5, "on purpose")));
                assert!(caught.is_err());
            }
            let mut out = [0; 8];
            share_out(&mut out, 1, 1, &|start, piece| piece.fill(start));
            assert_eq!(out, [0, 1, 2, 3, 4, 5, 6, 7]);
        });
    }

    #[test]
    fn pieces_are_whole_units_and_cover_all() {
        with_threads(3, || {
            for n in [0, 1, 99, 100, 101, 1000, 1007] {
                let mut out = vec![0; n];
                share_out(&mut out, 8, 16, &|start, piece| {
                    assert_eq!(start % 8, 0);
                    piece.iter_mut().for_each(|x| *x += 1);
                });
                assert!(out.iter().all(|&x| x == 1));
            }
        });
    }

    #[test]
    fn blocks_cover_a_matrix() {
        with_threads(2, || {
            for size in [[2, 7], [5, 3], [3, 4]] {
                let mut matrix = vec![0; 5 * 7];
                let blocks = Blocks::new(&mut matrix, [5, 7], size);
                share(blocks.len(), &|i| {
                    let ([row, column], mut block) = blocks.take(i);
                    for i in 0..block.rows {
                        block.row(i).iter_mut().zip(column..).for_each(|(x, j)| *x += (row + i) * 7 + j);
                    }
                });
                assert!(matrix.into_iter().eq(0..35));
            }
        });
    }

    #[test]
    #[should_panic(expected = "piece 1 has been taken")]
    fn a_piece_cannot_be_taken_twice() {
        let mut numbers = [0; 4];
        let pieces = Pieces::new(&mut numbers, 2);
        pieces.take(1);
        pieces.take(1);
    }
}
