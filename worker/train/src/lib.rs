//! Trains one recipe with libtorch.
