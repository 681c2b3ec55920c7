package conn

// member is one key and value of an event's data, as raw JSON.
type member struct {
	key, value []byte
	left       bool // repeats an outer key
	cut        bool // left out for its length
}

const (
	// maxMembers bounds the members of one event that are told apart; what
	// stands behind them counts as one.
	maxMembers = 256
	// maxCutNames is how many bytes of names "truncated" may hold.
	maxCutNames = 256
)

// parseMembers splits a JSON object, which the caller vouches to be valid.
func parseMembers(dst []member, object []byte) []member {
	i := skipSpace(object, 0) + 1
	for len(dst) < maxMembers {
		i = skipSpace(object, i)
		if i >= len(object) || object[i] != '"' {
			return dst
		}
		end := skipValue(object, i)
		key := object[i:end]
		i = skipSpace(object, end) + 1 // the colon
		i = skipSpace(object, i)
		end = skipValue(object, i)
		dst = append(dst, member{key: key, value: object[i:end]})
		i = skipSpace(object, end)
		if i < len(object) && object[i] == ',' {
			i++
		}
	}
	dst[len(dst)-1] = member{key: []byte(`"..."`), cut: true}
	return dst
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// skipValue returns the end of the valid JSON value that begins at i.
func skipValue(b []byte, i int) int {
	depth := 0
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			i = stringEnd(b, i)
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth <= 0 {
				return i + 1 + depth // a number's end is the object's brace
			}
		case ',', ' ', '\t', '\n', '\r', ':':
			if depth == 0 {
				return i
			}
		}
	}
	return len(b)
}

// stringEnd returns the place of the quote that ends the string begun at i.
func stringEnd(b []byte, i int) int {
	for i++; i < len(b) && b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return min(i, len(b)-1)
}

// appendTight appends a valid JSON value without the white space between its
// tokens.
func appendTight(dst, value []byte) []byte {
	for i := 0; i < len(value); i++ {
		switch value[i] {
		case ' ', '\t', '\n', '\r':
		case '"':
			end := stringEnd(value, i)
			dst = append(dst, value[i:end+1]...)
			i = end
		default:
			dst = append(dst, value[i])
		}
	}
	return dst
}

// leaveLongest marks the longest members as cut until at least over escaped
// bytes are gone. It returns false when none is left to cut.
func leaveLongest(data []member, over int) bool {
	did := false
	for over > 0 {
		longest := -1
		for i := range data {
			if m := &data[i]; !m.left && !m.cut && (longest < 0 || len(m.value) > len(data[longest].value)) {
				longest = i
			}
		}
		if longest < 0 {
			return did
		}
		data[longest].cut, did = true, true
		over -= escapedLen(data[longest].value) - 2
	}
	return true
}

// appendCutNames appends the member "truncated" if something was cut.
func appendCutNames(dst []byte, data []member) []byte {
	n := 0
	for i := range data {
		if !data[i].cut {
			continue
		}
		if n == 0 {
			dst = append(dst, `,"truncated":[`...)
		} else {
			dst = append(dst, ',')
		}
		if n += len(data[i].key) + 1; n > maxCutNames {
			dst = append(dst, `"..."`...)
			break
		}
		dst = append(dst, data[i].key...)
	}
	if n > 0 {
		dst = append(dst, ']')
	}
	return dst
}
