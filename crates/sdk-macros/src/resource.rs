//! `#[derive(Resource)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Error, LitStr, Path, Result};

struct Attributes {
    group: LitStr,
    version: LitStr,
    kind: LitStr,
    plural: LitStr,
    namespaced: bool,
    status: Option<Path>,
}

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let Attributes {
        group,
        version,
        kind,
        plural,
        namespaced,
        status,
    } = attributes(input)?;
    let name = &input.ident;
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    let status = match status {
        Some(path) => quote!(#path),
        None => quote!(::oarlock_sdk::NoStatus),
    };
    Ok(quote! {
        impl #impl_generics ::oarlock_sdk::Resource for #name #type_generics #where_clause {
            const GROUP: &'static str = #group;
            const VERSION: &'static str = #version;
            const KIND: &'static str = #kind;
            const PLURAL: &'static str = #plural;
            const NAMESPACED: bool = #namespaced;
            type Status = #status;
        }
    })
}

fn attributes(input: &DeriveInput) -> Result<Attributes> {
    let (mut group, mut version, mut kind, mut plural, mut status) = (None, None, None, None, None);
    let mut namespaced = None;
    for attribute in input
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("resource"))
    {
        attribute.parse_nested_meta(|meta| {
            let slot = if meta.path.is_ident("group") {
                &mut group
            } else if meta.path.is_ident("version") {
                &mut version
            } else if meta.path.is_ident("kind") {
                &mut kind
            } else if meta.path.is_ident("plural") {
                &mut plural
            } else if meta.path.is_ident("namespaced") {
                namespaced = Some(true);
                return Ok(());
            } else if meta.path.is_ident("cluster") {
                namespaced = Some(false);
                return Ok(());
            } else if meta.path.is_ident("status") {
                status = Some(meta.value()?.parse::<Path>()?);
                return Ok(());
            } else {
                return Err(meta.error(
                    "unknown key: expected group, version, kind, plural, status, namespaced or cluster",
                ));
            };
            *slot = Some(meta.value()?.parse::<LitStr>()?);
            Ok(())
        })?;
    }
    let required = |value: Option<LitStr>, key: &str| {
        value.ok_or_else(|| {
            Error::new_spanned(
                &input.ident,
                format!("#[resource({key} = \"…\")] is missing"),
            )
        })
    };
    Ok(Attributes {
        group: required(group, "group")?,
        version: required(version, "version")?,
        kind: required(kind, "kind")?,
        plural: required(plural, "plural")?,
        namespaced: namespaced.ok_or_else(|| {
            Error::new_spanned(
                &input.ident,
                "#[resource(namespaced)] or #[resource(cluster)] is missing",
            )
        })?,
        status,
    })
}
