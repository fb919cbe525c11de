//! Services of a broker, from the object to the broker and back: instances, bindings and their Secrets.

mod broken;
mod catalogs;
mod cells;
mod credentials;
mod idle;
mod killed;
mod leaving;
mod lives;
mod offers;
mod parameters;
mod planted;
mod report;
mod rotation;
mod site;
mod story;
mod wire;
