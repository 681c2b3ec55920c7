// Package packtest holds tests of what forager ships in: init scripts run under
// the shells that will run them, units, and, with the build tag packages, the
// packages of dist/packages installed in a Debian made for that.
package packtest
