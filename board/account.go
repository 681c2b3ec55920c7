package board

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// Limits of what is read about accounts.
const (
	maxAccounts = 1 << 20 // bytes of passwd or group
	maxAccount  = 64      // bytes of a name or number
)

// maxUID is the largest id: 2^32-1 means "as it is" to the kernel, and so does
// 65535 where ids had 16 bits.
const maxUID = 1<<32 - 2

// Account is whom a process runs as.
type Account struct {
	Name     string // as it was asked for
	UID, GID int
}

// Accounts is where accounts are found. The zero value is the machine's; tests
// point the paths at fixtures.
type Accounts struct {
	Passwd string // default /etc/passwd (passwd(5))
	Group  string // default /etc/group (group(5))
}

// CheckAccount tells whether text can name an account: a user's name or id,
// and behind a colon a group's. It does not look for it.
func CheckAccount(text string) error {
	user, group, grouped := strings.Cut(text, ":")
	if !isAccount(user) || grouped && !isAccount(group) {
		return errors.New("want a user, or user:group, by name or by number")
	}
	for _, name := range [...]string{user, group} {
		if isNumber(name) {
			if n, err := strconv.ParseUint(name, 10, 32); err != nil || n > maxUID || n == 65535 {
				return fmt.Errorf("%s is no id", name)
			}
		}
	}
	if user == "root" || isNumber(user) && strings.Trim(user, "0") == "" {
		return errors.New("that is root, who gives up nothing")
	}
	return nil
}

// isAccount knows the portable names (POSIX 3.437) and the dot and $ that
// systems allow beside them.
func isAccount(name string) bool {
	for i := range len(name) {
		c := name[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '_' || i > 0 && strings.IndexByte("-.$", c) >= 0 {
			continue
		}
		return false
	}
	return name != "" && len(name) <= maxAccount
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// Find returns the account that text names. A number needs no entry: without
// one its group is that of the same number.
func (a Accounts) Find(text string) (Account, error) {
	if err := CheckAccount(text); err != nil {
		return Account{}, err
	}
	user, group, grouped := strings.Cut(text, ":")
	to := Account{Name: user}
	entry, err := findEntry(or(a.Passwd, "/etc/passwd"), user, 4)
	switch {
	case err == nil:
		to.UID, to.GID, err = twoIDs(entry[2], entry[3])
	case isNumber(user):
		to.UID, to.GID, err = twoIDs(user, user)
	default:
		err = fmt.Errorf("user %s: %w", user, err)
	}
	if err == nil && grouped {
		to.GID, err = a.group(group)
	}
	if err == nil && to.UID == 0 {
		err = fmt.Errorf("user %s is root, who gives up nothing", user)
	}
	return to, err
}

func (a Accounts) group(name string) (int, error) {
	entry, err := findEntry(or(a.Group, "/etc/group"), name, 3)
	switch {
	case err == nil:
		name = entry[2]
	case !isNumber(name):
		return 0, fmt.Errorf("group %s: %w", name, err)
	}
	id, _, err := twoIDs(name, "0")
	return id, err
}

func twoIDs(a, b string) (int, int, error) {
	x, errX := strconv.ParseUint(a, 10, 32)
	y, errY := strconv.ParseUint(b, 10, 32)
	if errX != nil || errY != nil || x > maxUID || y > maxUID {
		return 0, 0, fmt.Errorf("%q and %q: want two ids", a, b)
	}
	return int(x), int(y), nil
}

// findEntry returns the fields of the first line of a file like passwd(5) that
// is name's: the name is the first field, its id the third.
func findEntry(path, name string, fields int) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxAccounts))
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		entry := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		if len(entry) < fields || entry[0] != name && !(isNumber(name) && entry[2] == name) {
			continue
		}
		return entry, nil
	}
	return nil, fmt.Errorf("not in %s", path)
}
