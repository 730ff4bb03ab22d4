// Package turbo encodes raw frames of films as JPEGs with libjpeg-turbo. It is
// linked into framemill-decoder alone: Framemill itself has no C in it.
package turbo
