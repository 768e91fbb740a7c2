//! Sortie
