//! Values from a dictionary into a model: all or nothing, and all problems in one message.

use std::collections::HashSet;
use tensor::{Error, Parameter, Result, StateDict};

/// Sets the places of a model from a dictionary. Without `strict`, what is on one side only is left alone.
#[track_caller]
pub(crate) fn load(
    model: &str,
    places: &[(String, Parameter)],
    dict: &StateDict,
    strict: bool,
) -> Result<()> {
    let values: std::collections::HashMap<&str, _> = dict.iter().collect();
    let mut problems = Vec::new();
    let mut list = |what: &str, names: Vec<String>| {
        if strict && !names.is_empty() {
            problems.push(format!("{what} key(s) in state_dict: {}.", names.join(", ")));
        }
    };
    let quoted = |name: &str| format!("\"{name}\"");
    list(
        "Missing",
        places.iter().filter(|(n, _)| !values.contains_key(n.as_str())).map(|(n, _)| quoted(n)).collect(),
    );
    let known: HashSet<&str> = places.iter().map(|(n, _)| n.as_str()).collect();
    list("Unexpected", dict.names().filter(|n| !known.contains(n)).map(quoted).collect());

    let mut updates = Vec::new();
    for (name, place) in places {
        let Some(value) = values.get(name.as_str()) else { continue };
        if value.shape() != place.shape().as_slice() {
            problems.push(format!(
                "size mismatch for {name}: the dictionary has shape {:?}, the model {:?}.",
                value.shape(),
                place.shape().as_slice()
            ));
        } else if value.dtype() != place.dtype() && !(value.dtype().is_float() && place.dtype().is_float()) {
            problems.push(format!(
                "type mismatch for {name}: the dictionary has {}, the model {}.",
                value.dtype(),
                place.dtype()
            ));
        } else {
            updates.push((place, value.detach().to(place.dtype())));
        }
    }
    if !problems.is_empty() {
        return Err(Error::state(
            "load_state_dict",
            format!("{model} takes nothing:\n\t{}", problems.join("\n\t")),
        ));
    }
    updates.into_iter().try_for_each(|(place, value)| place.set(&value))
}
