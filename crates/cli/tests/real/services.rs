//! The service catalog on a real API server, with a scripted broker behind TLS.

mod ending;
mod killed;
mod life;
mod openbrokerapi;
mod rights;
mod site;
