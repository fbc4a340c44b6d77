package config

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// largest is how many bytes a file may have, of the configuration or named by file().
const largest = 4 << 20

// callError is why a function of the language did not answer.
type callError struct {
	mistake mistake
	detail  string
}

func (e callError) Error() string { return e.detail }

// functions are those known everywhere in the language; read is what file() does.
func functions(read func(path string) (string, error)) map[string]function.Function {
	return map[string]function.Function{
		"env":          text(env, "default", "name"),
		"file":         text(func(args ...string) (string, error) { return read(args[0]) }, "", "path"),
		"hostname":     text(func(...string) (string, error) { return hostname() }, ""),
		"base64decode": text(func(args ...string) (string, error) { return base64decode(args[0]) }, "", "text"),
		"jsondecode":   stdlib.JSONDecodeFunc,
	}
}

func functionNames() []string {
	return []string{"base64decode", "env", "file", "hostname", "jsondecode"}
}

// text is a function from texts to a text. Values are secrets as often as not, so no error repeats one.
func text(f func(args ...string) (string, error), rest string, names ...string) function.Function {
	spec := &function.Spec{Type: function.StaticReturnType(cty.String)}
	for _, name := range names {
		spec.Params = append(spec.Params, function.Parameter{Name: name, Type: cty.String})
	}
	if rest != "" {
		spec.VarParam = &function.Parameter{Name: rest, Type: cty.String}
	}
	spec.Impl = func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		plain := make([]string, len(args))
		for i, arg := range args {
			plain[i] = arg.AsString()
		}
		answer, err := f(plain...)
		if err != nil {
			return cty.NilVal, err
		}
		return cty.StringVal(answer), nil
	}
	return function.New(spec)
}

func env(args ...string) (string, error) {
	if len(args) > 2 {
		return "", callError{wrongType, "env takes a name and at most one default: env(\"NAME\", \"default\")."}
	}
	if value, ok := os.LookupEnv(args[0]); ok {
		return value, nil
	}
	if len(args) == 2 {
		return args[1], nil
	}
	return "", callError{envMissing, fmt.Sprintf(
		"%s is not set where this runs. Set it, or give a default: env(%q, \"…\").", args[0], args[0])}
}

// readText reads a file of text. What it holds is given beside an error, too. A certificate, or a list of revoked ones, that is
// not text (DER) is given as text (PEM).
func readText(path string) (raw []byte, err error) {
	raw, err = readRegular(path)
	if err != nil {
		return nil, callError{fileMissing, fmt.Sprintf("%s: %s.", path, reason(err))}
	}
	if text, ok := asPEM(raw); ok {
		return text, nil
	}
	if !utf8.Valid(raw) {
		return raw, callError{fileMissing, fmt.Sprintf("%s does not hold text (UTF-8).", path)}
	}
	return raw, nil
}

// asPEM writes what is DER as PEM.
func asPEM(raw []byte) ([]byte, bool) {
	if utf8.Valid(raw) {
		return nil, false
	}
	kind := "CERTIFICATE"
	if _, err := x509.ParseCertificate(raw); err != nil {
		kind = "X509 CRL"
		if _, err := x509.ParseRevocationList(raw); err != nil {
			return nil, false
		}
	}
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}), true
}

// readRegular reads a regular file of at most largest bytes: devices and pipes could wait for ever.
func readRegular(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, largest+1))
	if err == nil && len(raw) > largest {
		err = errors.New("larger than 4 MiB")
	}
	return raw, err
}

// reason is an error of the file system without the path, which the message names already.
func reason(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err.Error()
	}
	return err.Error()
}

func hostname() (string, error) {
	name, err := os.Hostname()
	if err != nil {
		return "", callError{envMissing, "This machine does not tell its host name."}
	}
	return name, nil
}

// base64decode reads both alphabets of RFC 4648, padded or not.
func base64decode(s string) (string, error) {
	s = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimSpace(s))
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
	if err != nil {
		return "", callError{base64Broken, "The text is not base64 (RFC 4648)."}
	}
	if !utf8.Valid(raw) {
		return "", callError{base64Broken, "What is encoded is not text (UTF-8). Secrets are used as they stand: leave out base64decode."}
	}
	return string(raw), nil
}
