mod containers;
mod facts;
mod hand;
mod made;
mod properties;
mod refused;
