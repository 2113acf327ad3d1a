mod containers;
mod facts;
mod made;
mod properties;
mod refused;
