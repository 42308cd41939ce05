// Package powerloss cuts the power after each single change that commits make to a
// directory, and goes on from what is left. The shipped sink and localfs run on a real
// directory and are listened to; from the steps a model knows which bytes and names
// were durable at any moment, and of the others a part of 0, 50 or 100 percent is
// kept. That state is written to a new directory, opened, judged, and worked on.
package powerloss
