//! How many threads share the work.

/// How many threads share large operations, the calling one included. To begin with, as many as the machine runs at
/// once.
#[doc(alias = "torch.get_num_threads")]
pub fn get_num_threads() -> usize {
    kernel::threads::num_threads()
}

/// Sets how many threads share large operations; with 1, everything happens on the calling thread. The results are the
/// same bits for any number. Small operations are never shared.
///
/// ```
/// use tensor::{get_num_threads, randn, set_num_threads};
/// let x = randn([200_000])?;
/// set_num_threads(1);
/// let alone = x.sigmoid().sum().item()?;
/// set_num_threads(2);
/// assert_eq!(x.sigmoid().sum().item()?, alone);
/// assert_eq!(get_num_threads(), 2);
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.set_num_threads")]
pub fn set_num_threads(threads: usize) {
    kernel::threads::set_num_threads(threads);
}
