package film

// Runs says which chunks, by their places, are made by one decoding.
var Runs = runs
