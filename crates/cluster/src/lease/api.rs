//! Calls about Leases, with a client and a connection of their own.

use std::time::Duration;

use http::Method;
use oarlock_core::request::ApiError;
use serde_json::{Value, json};

use super::Place;
use super::record::{Lease, MEMBER_OF};
use crate::client::{ConnectError, Source, connect};
use crate::path::query;
use crate::transport::{ApiCall, exchange, unreachable_error};

/// How the API server is reached.
#[derive(Clone)]
pub enum Access {
    /// As the configuration says, as this user agent. Connected anew after each failure: a connection that went dead is not waited
    /// for, and credentials that were replaced are read again.
    Configured(Source, String),
    /// Through this client.
    Client(kube::Client),
}

/// Leases of one namespace.
pub(super) struct LeaseApi {
    access: Access,
    client: Option<kube::Client>,
    namespace: Option<String>,
    collection: String,
    limit: Duration,
}

impl LeaseApi {
    /// Finds out which namespace it is, but makes no call.
    pub(super) async fn new(
        access: Access,
        place: &Place,
        limit: Duration,
    ) -> Result<Self, ConnectError> {
        let mut api = Self {
            access,
            client: None,
            namespace: place.namespace.clone(),
            collection: String::new(),
            limit,
        };
        api.client().await?;
        Ok(api)
    }

    async fn client(&mut self) -> Result<kube::Client, ConnectError> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        let client = match &self.access {
            Access::Configured(source, agent) => connect(source, agent).await?,
            Access::Client(client) => client.clone(),
        };
        let namespace = self
            .namespace
            .get_or_insert_with(|| client.default_namespace().to_owned());
        self.collection = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases");
        Ok(self.client.insert(client).clone())
    }

    /// Where the Leases are, for people.
    pub(super) fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or_default()
    }

    async fn call(&mut self, call: ApiCall, limit: Duration) -> Result<Value, ApiError> {
        let client = self
            .client()
            .await
            .map_err(|error| unreachable_error(crate::transport::chain(&error)))?;
        let limit = limit.min(self.limit);
        let answer = match tokio::time::timeout(limit, exchange(&client, &call)).await {
            Ok(answer) => answer.and_then(|answer| answer.parse(&call.path)),
            Err(_elapsed) => Err(unreachable_error(format!("no answer within {limit:?}"))),
        };
        if matches!(&answer, Err(error) if error.code == 0 || error.code == 401) {
            self.client = None;
        }
        answer
    }

    pub(super) async fn read(&mut self, name: &str, limit: Duration) -> Result<Lease, ApiError> {
        let path = format!("{}/{name}", self.collection);
        lease(self.call(ApiCall::get(path), limit).await?)
    }

    /// All Leases of a group, as they are now: without a resource version the API server asks its storage, not its cache.
    pub(super) async fn members(
        &mut self,
        group: &str,
        limit: Duration,
    ) -> Result<Vec<Lease>, ApiError> {
        let mut path = self.collection.clone();
        query(&mut path, "labelSelector", &format!("{MEMBER_OF}={group}"));
        let list = self.call(ApiCall::get(path), limit).await?;
        let Some(Value::Array(items)) = list.get("items").cloned() else {
            return Err(unreachable_error("a list without items"));
        };
        items.into_iter().map(lease).collect()
    }

    pub(super) async fn create(
        &mut self,
        object: &Value,
        limit: Duration,
    ) -> Result<Lease, ApiError> {
        let call = ApiCall::new(Method::POST, self.collection.clone()).json(object);
        lease(self.call(call, limit).await?)
    }

    pub(super) async fn replace(
        &mut self,
        name: &str,
        object: &Value,
        limit: Duration,
    ) -> Result<Lease, ApiError> {
        let path = format!("{}/{name}", self.collection);
        let call = ApiCall::new(Method::PUT, path).json(object);
        lease(self.call(call, limit).await?)
    }

    /// Deletes this version.
    pub(super) async fn delete(
        &mut self,
        name: &str,
        version: &str,
        limit: Duration,
    ) -> Result<(), ApiError> {
        let path = format!("{}/{name}", self.collection);
        let options = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"resourceVersion": version},
        });
        self.call(ApiCall::new(Method::DELETE, path).json(&options), limit)
            .await
            .map(drop)
    }
}

fn lease(object: Value) -> Result<Lease, ApiError> {
    Lease::parse(object).ok_or_else(|| unreachable_error("the answer is no Lease"))
}
