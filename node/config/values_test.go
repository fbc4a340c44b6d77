package config_test

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"time"

	"picket/node/config"
	"picket/policy"
)

// values writes a configuration one value a line, without those that are zero, the digest, and PEM texts.
func values(c *config.Config) string {
	var b strings.Builder
	plain := *c
	plain.Digest = ""
	writeValue(&b, "", reflect.ValueOf(plain))
	return b.String()
}

func writeValue(b *strings.Builder, path string, v reflect.Value) {
	if v.IsZero() && !strings.HasSuffix(path, "Access") {
		return
	}
	switch x := v.Interface().(type) {
	case []byte:
		text := string(x)
		if strings.HasPrefix(text, "-----BEGIN ") {
			text = strings.SplitN(text, "\n", 2)[0]
		}
		fmt.Fprintf(b, "%s = %q\n", path, text)
	case time.Duration, netip.Prefix, config.Origin:
		fmt.Fprintf(b, "%s = %s\n", path, x)
	case config.Access:
		fmt.Fprintf(b, "%s = %s\n", path, []string{"by policy", "any user", "public"}[x])
	case *x509.Certificate:
		fmt.Fprintf(b, "%s = of %s\n", path, x.Subject)
	case *x509.RevocationList:
		fmt.Fprintf(b, "%s = of %s, %d\n", path, x.Issuer, len(x.RevokedCertificateEntries))
	case *policy.Set:
		fmt.Fprintf(b, "%s = %q\n", path, x.Names())
	case *policy.Test:
		fmt.Fprintf(b, "%s = %s %q: %s\n", path, x.Policy, x.Name, x.Expect)
	case *policy.Template:
		fmt.Fprintf(b, "%s = an expression\n", path)
	case []string, map[string]string, string:
		fmt.Fprintf(b, "%s = %q\n", path, x)
	default:
		writeParts(b, path, v)
	}
}

func writeParts(b *strings.Builder, path string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			writeValue(b, strings.TrimPrefix(path+"."+v.Type().Field(i).Name, "."), v.Field(i))
		}
	case reflect.Pointer:
		if v.Type().Elem().Kind() != reflect.Struct || v.Type().Elem().PkgPath() != reflect.TypeFor[config.Config]().PkgPath() {
			fmt.Fprintf(b, "%s = %v\n", path, v.Interface())
			return
		}
		writeParts(b, path, v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			writeValue(b, fmt.Sprintf("%s[%d]", path, i), v.Index(i))
		}
	default:
		fmt.Fprintf(b, "%s = %v\n", path, v.Interface())
	}
}
