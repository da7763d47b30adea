//! What went wrong, written for the person who made the mistake: the operation, what was found, what would fit.
//!
//! ```
//! use tensor::tensor;
//! let error = tensor([1.0, 2.0]).matmul(&tensor([1.0, 2.0, 3.0])).unwrap_err();
//! assert!(error.to_string().starts_with("matmul: "), "{error}");
//! ```

use crate::dtype::DType;
use std::borrow::Cow;
use std::fmt;
use std::panic::Location;

/// The result of whatever can be asked wrongly.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of baekmi: one word wide, with its kind and the line of the user's code that asked.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    at: &'static Location<'static>,
    /// The operation whose backward failed, and the line that made it.
    forward: Option<(&'static str, &'static Location<'static>)>,
}

/// What sort of mistake it was. The first field names the operation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Sizes that do not fit together.
    #[error("{0}: {1}")]
    Shape(&'static str, Cow<'static, str>),
    /// An element type that the operation does not take.
    #[error("{0}: {1}")]
    DType(&'static str, Cow<'static, str>),
    /// A dimension that the tensor does not have.
    #[error("{0}: {1}")]
    Dim(&'static str, Cow<'static, str>),
    /// An index or a label out of range.
    #[error("{0}: {1}")]
    Index(&'static str, Cow<'static, str>),
    /// A number outside of what the operation is defined for, or an option that makes no sense.
    #[error("{0}: {1}")]
    Value(&'static str, Cow<'static, str>),
    /// Something about the graph: no graph at all, values already released, not a scalar.
    #[error("{0}: {1}")]
    Graph(&'static str, Cow<'static, str>),
    /// More elements than the machine can hold or address.
    #[error("{0}: {1}")]
    Size(&'static str, Cow<'static, str>),
    /// A dictionary of parameters that does not fit the model.
    #[error("{0}: {1}")]
    State(&'static str, Cow<'static, str>),
    /// A file whose content is not what it claims to be.
    #[error("{0}: {1}")]
    Format(&'static str, Cow<'static, str>),
    /// The operating system said no.
    #[error("{0}: {1}")]
    Io(&'static str, std::io::Error),
}

impl Error {
    /// An error of any kind, at the caller's line.
    #[cold]
    #[track_caller]
    pub fn new(kind: ErrorKind) -> Self {
        Error(Box::new(Inner { kind, at: Location::caller(), forward: None }))
    }

    /// What sort of mistake it was.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The line that asked.
    pub fn location(&self) -> &'static Location<'static> {
        self.0.at
    }

    /// The same error, at `at`.
    pub(crate) fn at(mut self, at: &'static Location<'static>) -> Self {
        self.0.at = at;
        self
    }

    /// Says that this happened in the backward pass of an operation recorded at `at`.
    pub(crate) fn in_backward(mut self, op: &'static str, at: &'static Location<'static>) -> Self {
        self.0.forward.get_or_insert((op, at));
        self
    }

    /// The dimension `dim` does not exist in a tensor of `rank` dimensions.
    #[cold]
    #[track_caller]
    pub fn dim_out_of_range(op: &'static str, dim: isize, rank: usize) -> Self {
        let rank = rank.max(1) as isize;
        Self::dim(
            op,
            format!("dimension out of range (expected to be in [{}, {}], but got {dim})", -rank, rank - 1),
        )
    }

    /// The operation takes only floating point numbers.
    #[cold]
    #[track_caller]
    pub fn not_float(op: &'static str, found: DType) -> Self {
        Self::dtype(op, format!("expected float32 or float64, found {found}; convert with .to(DType::F32)"))
    }

    /// A file that could not be read or written. The operating system's words do not say which one it was.
    #[cold]
    #[track_caller]
    pub fn io(op: &'static str, path: &std::path::Path, error: std::io::Error) -> Self {
        let named = std::io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        Self::new(ErrorKind::Io(op, named))
    }
}

/// Moves an error to the caller's line: for what was made in a closure, or by a function that was called on behalf of the
/// user. `#[track_caller]` does not reach into either.
///
/// ```
/// use tensor::{AtCaller, Result, Tensor, tensor};
///
/// #[track_caller]
/// fn sum_of_products(pairs: &[[Tensor; 2]]) -> Result<f64> {
///     pairs.iter().map(|[a, b]| a.dot(b)?.item()).sum::<Result<f64>>().at_caller()
/// }
/// let error = sum_of_products(&[[tensor([1.0]), tensor([1.0, 2.0])]]).unwrap_err(); // names this line
/// assert!(error.to_string().starts_with("dot: "));
/// ```
pub trait AtCaller {
    /// The same, but that an error names the line of the caller.
    #[must_use]
    fn at_caller(self) -> Self;
}

impl AtCaller for Error {
    #[cold]
    #[track_caller]
    fn at_caller(self) -> Self {
        self.at(Location::caller())
    }
}

impl<T> AtCaller for Result<T> {
    #[inline]
    #[track_caller]
    fn at_caller(self) -> Self {
        match self {
            Ok(value) => Ok(value),
            Err(error) => Err(error.at_caller()),
        }
    }
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident $kind:ident;)*) => {
        impl Error {
            $($(#[$doc])*
            #[cold]
            #[track_caller]
            pub fn $name(op: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
                Self::new(ErrorKind::$kind(op, message.into()))
            })*
        }
    };
}

constructors! {
    /// Sizes that do not fit together.
    shape Shape;
    /// An element type that the operation does not take.
    dtype DType;
    /// A dimension that the tensor does not have.
    dim Dim;
    /// An index or a label out of range.
    index Index;
    /// A number or an option that the operation is not defined for.
    value Value;
    /// Something about the graph.
    graph Graph;
    /// More elements than the machine can hold.
    size Size;
    /// A dictionary that does not fit the model.
    state State;
    /// A file that is not what it claims to be.
    format Format;
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, at, forward } = &*self.0;
        match forward {
            Some((op, made_at)) => write!(f, "{kind} (in the backward of {op}, recorded at {made_at})"),
            None => write!(f, "{kind} (at {at})"),
        }
    }
}

/// As the message: `main` returning an error should read well.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let ErrorKind::Io(_, source) = &self.0.kind { Some(source) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use crate::{AtCaller, Error, Result};

    #[test]
    fn an_error_made_in_a_closure_names_the_caller() {
        #[track_caller]
        fn ask(moved: bool) -> Result<()> {
            let found: Option<()> = None;
            let result = found.ok_or_else(|| Error::value("ask", "nothing"));
            if moved { result.at_caller() } else { result }
        }
        let line = line!() + 1;
        let [here, there] = [true, false].map(|moved| ask(moved).unwrap_err().to_string());
        assert!(here.contains(&format!("error.rs:{line}:")), "{here}");
        assert!(!there.contains(&format!("error.rs:{line}:")), "{there}");
    }
}
