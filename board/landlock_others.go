//go:build !linux

package board

// LandlockABI returns ErrNoLandlock.
func LandlockABI() (int, error) { return 0, ErrNoLandlock }

// Landlock returns ErrNoLandlock.
func Landlock(Access) (abi int, err error) { return 0, ErrNoLandlock }

// LandlockThread returns ErrNoLandlock.
func LandlockThread(Access) (abi int, err error) { return 0, ErrNoLandlock }
