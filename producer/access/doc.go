// Package access decides who is asking and what they may do: passwords,
// sessions and tokens on one side, one table of rules on the other.
package access
