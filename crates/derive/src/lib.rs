//! `#[derive(Module)]`: the fields of a struct as the parts of a model.
//!
//! The expansion is what one would write by hand: `visit` with a line for each field, and `Display` as PyTorch prints
//! the model. A field that is no part of the model, such as a size, is marked `#[module(skip)]`.

use proc_macro::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Field, Fields, parse_macro_input};

/// Implements `baekmi::nn::Module` and `Display` for a struct with named fields.
#[proc_macro_derive(Module, attributes(module))]
pub fn module(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(&input).unwrap_or_else(|e| e.to_compile_error()).into()
}

fn expand(input: &DeriveInput) -> Result<proc_macro2::TokenStream, Error> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(
            &input.ident,
            "a Module is a struct; implement the trait for an enum by hand",
        ));
    };
    let mut visits = Vec::new();
    match &data.fields {
        Fields::Named(fields) => {
            for field in &fields.named {
                if let (Some(ident), false) = (&field.ident, skipped(field)?) {
                    let name = ident.to_string();
                    let name = name.strip_prefix("r#").unwrap_or(&name);
                    visits.push(quote!(visit(#name, &self.#ident);));
                }
            }
        }
        Fields::Unit => {}
        Fields::Unnamed(_) => {
            let message = "the parts of a Module have names: give the fields some";
            return Err(Error::new_spanned(&input.ident, message));
        }
    }
    let ident = &input.ident;
    let name = ident.to_string();
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    Ok(quote! {
        impl #generics ::baekmi::nn::Module for #ident #arguments #bounds {
            #[allow(unused_variables)]
            fn visit(&self, visit: &mut dyn FnMut(&str, &dyn ::baekmi::nn::Module)) {
                #(#visits)*
            }
            fn name(&self) -> ::std::borrow::Cow<'static, str> {
                ::std::borrow::Cow::Borrowed(#name)
            }
        }
        impl #generics ::std::fmt::Display for #ident #arguments #bounds {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(&::baekmi::nn::Module::repr(self))
            }
        }
    })
}

/// Whether the field is marked `#[module(skip)]`.
fn skipped(field: &Field) -> Result<bool, Error> {
    let mut skip = false;
    for attribute in field.attrs.iter().filter(|a| a.path().is_ident("module")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("skip") {
                skip = true;
                return Ok(());
            }
            Err(meta.error("only `skip` is known here"))
        })?;
    }
    Ok(skip)
}
