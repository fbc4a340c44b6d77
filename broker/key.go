package broker

import (
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// longestKey is how long a key may be, in bytes.
const longestKey = 512

// EncodeKey makes a key of any text that is not empty: letters, digits and -_/ stay, and a dot between two others that
// stay or are encoded; all else becomes =XX, the byte in upper-case hexadecimal. "alice@example.com" is
// "alice=40example.com". Whoever publishes to a bucket by other means writes its keys so.
func EncodeKey(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if c := text[i]; plainKey(c) || c == '.' && i > 0 && i < len(text)-1 && text[i-1] != '.' {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('=')
		b.WriteString(strings.ToUpper(hex.EncodeToString([]byte{text[i]})))
	}
	return b.String()
}

// DecodeKey is the text that EncodeKey makes this key of; ok is false when it makes it of none.
func DecodeKey(key string) (text string, ok bool) {
	if !strings.ContainsRune(key, '=') {
		return key, validKey(key)
	}
	decoded := make([]byte, 0, len(key))
	for i := 0; i < len(key); i++ {
		if key[i] != '=' {
			decoded = append(decoded, key[i])
			continue
		}
		if i+2 >= len(key) {
			return "", false
		}
		c, err := hex.DecodeString(key[i+1 : i+3])
		if err != nil {
			return "", false
		}
		decoded, i = append(decoded, c...), i+2
	}
	text = string(decoded)
	return text, utf8.ValidString(text) && EncodeKey(text) == key && validKey(key)
}

// plainKey tells which bytes stand for themselves.
func plainKey(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '/'
}
