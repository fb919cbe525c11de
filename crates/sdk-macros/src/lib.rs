//! The two macros of `oarlock-sdk`. Use them through that crate, which documents them with examples.
//!
//! This room turns declarations into implementations of the SDK's traits. It knows the names of those traits and
//! nothing of what they do.

mod module;
mod resource;

use proc_macro::TokenStream;

/// Implements `oarlock_sdk::Resource` for the type of a kind's `spec`.
#[proc_macro_derive(Resource, attributes(resource))]
pub fn derive_resource(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    resource::expand(&input)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Makes a function the module: implements `oarlock_sdk::Module` and exports it from the component.
#[proc_macro_attribute]
pub fn module(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let arguments = syn::parse_macro_input!(arguments as module::Arguments);
    let function = syn::parse_macro_input!(item as syn::ItemFn);
    module::expand(&arguments, &function)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
