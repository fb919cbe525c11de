//! Every function of Helm and sprig, every feature of charts and every way in which a template fails, on charts of our own:
//! byte for byte what the real Helm makes of them. What is random or asks for the time is judged by its form.

mod bcrypt;
mod cases;
mod certificates;
mod clock;
mod cluster;
mod goldens;
mod limits;
mod names;
mod notes;
mod passwords;
mod sandbox;
mod secrets;
mod table;
