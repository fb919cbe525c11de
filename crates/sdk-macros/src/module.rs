//! `#[module]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, ExprArray, ExprTuple, FnArg, Ident, ItemFn, LitStr, Result, Token};

/// What stands in the parentheses of `#[module(…)]`.
pub(crate) struct Arguments {
    name: LitStr,
    version: Option<LitStr>,
    finalizer: Option<LitStr>,
    crds: Vec<Expr>,
    writes: Vec<Expr>,
    reads: Vec<Expr>,
    http: Option<Vec<Expr>>,
    artifacts: bool,
    pure: bool,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut name = None;
        let mut arguments = Self {
            name: LitStr::new("", input.span()),
            version: None,
            finalizer: None,
            crds: Vec::new(),
            writes: Vec::new(),
            reads: Vec::new(),
            http: None,
            artifacts: false,
            pure: false,
        };
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            if key == "pure" {
                arguments.pure = true;
            } else if key == "artifacts" {
                arguments.artifacts = true;
            } else {
                input.parse::<Token![=]>()?;
                match key.to_string().as_str() {
                    "name" => name = Some(input.parse()?),
                    "version" => arguments.version = Some(input.parse()?),
                    "finalizer" => arguments.finalizer = Some(input.parse()?),
                    "crds" => arguments.crds = list(input)?,
                    "writes" => arguments.writes = list(input)?,
                    "reads" => arguments.reads = list(input)?,
                    "http" => arguments.http = Some(list(input)?),
                    _ => {
                        return Err(Error::new(
                            key.span(),
                            "unknown key: expected name, version, finalizer, crds, writes, reads, http, artifacts or pure",
                        ));
                    }
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        arguments.name = name.ok_or_else(|| input.error("`name = \"…\"` is missing"))?;
        let outside = arguments.http.is_some() || arguments.artifacts;
        if arguments.pure && (outside || !arguments.reads.is_empty()) {
            return Err(Error::new(
                arguments.name.span(),
                "a `pure` module reads nothing: leave out `pure`, or `reads`, `http` and `artifacts`",
            ));
        }
        Ok(arguments)
    }
}

fn list(input: ParseStream<'_>) -> Result<Vec<Expr>> {
    let array: ExprArray = input.parse()?;
    Ok(Punctuated::into_iter(array.elems).collect())
}

pub(crate) fn expand(arguments: &Arguments, function: &ItemFn) -> Result<TokenStream> {
    let [FnArg::Typed(object), FnArg::Typed(_)] =
        function.sig.inputs.iter().collect::<Vec<_>>()[..]
    else {
        return Err(Error::new_spanned(
            &function.sig,
            "expected fn(Object<Spec>, &Context) -> Result<Outcome, Failure>, or AnyObject in place of Object<Spec>",
        ));
    };
    let object = &object.ty;
    let called = &function.sig.ident;
    let visibility = &function.vis;
    let name = &arguments.name;
    let version = match &arguments.version {
        Some(version) => quote!(#version),
        None => quote!(env!("CARGO_PKG_VERSION")),
    };
    let finalizer = arguments
        .finalizer
        .as_ref()
        .map(|finalizer| quote!(.finalizer(#finalizer)));
    let crds = &arguments.crds;
    let writes = grants(&arguments.writes)?;
    let reads = grants(&arguments.reads)?;
    let calls = arguments.http.is_some();
    let fetches = arguments.artifacts;
    let http = arguments.http.iter().flatten();
    let world = if arguments.pure {
        quote!(Pure)
    } else if arguments.http.is_some() || arguments.artifacts {
        quote!(External)
    } else {
        quote!(Reading)
    };
    Ok(quote! {
        #function

        /// The module that the function of the same name is.
        #[allow(non_camel_case_types, reason = "a function and a type may share their name")]
        #[doc(hidden)]
        #visibility enum #called {}

        const _: () = {
            impl ::oarlock_sdk::Module for #called {
                const WORLD: ::oarlock_sdk::World = ::oarlock_sdk::World::#world;
                const HTTP: bool = #calls;
                const ARTIFACTS: bool = #fetches;
                type Subject = #object;

                fn manifest() -> ::oarlock_sdk::Manifest {
                    ::oarlock_sdk::Manifest::new(#name, #version)
                        #finalizer
                        #(.crd(#crds))*
                        #(.writes(#writes))*
                        #(.reads(#reads))*
                        #(.http(#http))*
                }

                fn reconcile(
                    object: Self::Subject,
                    context: &::oarlock_sdk::Context,
                ) -> ::core::result::Result<::oarlock_sdk::Outcome, ::oarlock_sdk::Failure> {
                    #called(object, context)
                }
            }

            #[cfg(target_arch = "wasm32")]
            type Exported = ::oarlock_sdk::guest::Exported<#called>;
            #[cfg(target_arch = "wasm32")]
            ::oarlock_sdk::guest::export!(Exported with_types_in ::oarlock_sdk::guest::bindings);
        };
    })
}

/// `("apps", "deployments")`, or with verbs `("", "secrets", ["create"])`.
fn grants(tuples: &[Expr]) -> Result<Vec<TokenStream>> {
    tuples
        .iter()
        .map(|tuple| {
            let Expr::Tuple(ExprTuple { elems, .. }) = tuple else {
                return Err(Error::new_spanned(
                    tuple,
                    "expected (\"group\", \"plural\") or (\"group\", \"plural\", [verbs])",
                ));
            };
            match elems.iter().collect::<Vec<_>>()[..] {
                [group, plural] => Ok(quote!(::oarlock_sdk::Grant::new(#group, #plural))),
                [group, plural, verbs] => {
                    Ok(quote!(::oarlock_sdk::Grant::new(#group, #plural).verbs(&#verbs)))
                }
                _ => Err(Error::new_spanned(tuple, "expected two or three elements")),
            }
        })
        .collect()
}
