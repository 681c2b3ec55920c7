package process

// Confined makes this process a keeper or a confining step when it was started
// as one; then it does not return. Otherwise it returns at once. main calls it
// before anything else, and so must TestMain of a test that starts programs.
func Confined() {}
