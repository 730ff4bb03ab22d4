package seal_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"framemill/pipeline"
	"framemill/pipeline/seal"
)

func box(t *testing.T, key string) *seal.Box {
	t.Helper()
	b, err := seal.New(key)
	if err != nil {
		t.Fatalf("open a box: %v", err)
	}
	return b
}

func TestSecretsOpenOnlyWhereTheyBelong(t *testing.T) {
	t.Parallel()
	const secret = "wJalrXUtnFEMI"
	b := box(t, strings.Repeat("k", 32))
	at := seal.Place{Purpose: "cloud_storage", ID: 7}
	sealed, err := b.Seal(at, secret)
	if err != nil {
		t.Fatalf("seal: %v", err)
	}
	again, err := b.Seal(at, secret)
	if err != nil || again == sealed {
		t.Errorf("sealed twice: the same text, or %v", err)
	}
	if raw, _ := base64.RawStdEncoding.DecodeString(sealed); strings.Contains(string(raw), secret) {
		t.Error("the secret is in what was sealed")
	}
	if got, err := b.Open(at, sealed); err != nil || got != secret {
		t.Errorf("opened %q, %v, want the secret", got, err)
	}
	for name, try := range map[string]func() (string, error){
		"another row":     func() (string, error) { return b.Open(seal.Place{Purpose: "cloud_storage", ID: 8}, sealed) },
		"another purpose": func() (string, error) { return b.Open(seal.Place{Purpose: "webhook", ID: 7}, sealed) },
		"another key":     func() (string, error) { return box(t, strings.Repeat("K", 32)).Open(at, sealed) },
		"a version to be": func() (string, error) { return b.Open(at, "Ag"+sealed[2:]) },
		"cut short":       func() (string, error) { return b.Open(at, sealed[:20]) },
		"no base64":       func() (string, error) { return b.Open(at, "!"+sealed[1:]) },
		"a byte changed":  func() (string, error) { return b.Open(at, sealed[:len(sealed)-4]+"AAAA") },
	} {
		if got, err := try(); !errors.Is(err, seal.ErrForeign) || got != "" {
			t.Errorf("%s: %q, %v, want ErrForeign", name, got, err)
		}
	}
}

func TestNothingToSealNeedsNoKey(t *testing.T) {
	t.Parallel()
	none := box(t, "")
	for _, b := range []*seal.Box{none, box(t, strings.Repeat("k", 40))} {
		sealed, err := b.Seal(seal.Place{}, "")
		if err != nil || sealed != "" {
			t.Errorf("sealed nothing as %q, %v", sealed, err)
		}
		if got, err := b.Open(seal.Place{}, ""); err != nil || got != "" {
			t.Errorf("opened nothing as %q, %v", got, err)
		}
	}
	_, sealErr := none.Seal(seal.Place{}, "x")
	_, openErr := none.Open(seal.Place{}, "AQ")
	for _, err := range []error{sealErr, openErr} {
		if pipeline.KindOf(err) != pipeline.Transient || !strings.Contains(err.Error(), "FRAMEMILL_KEY") {
			t.Errorf("without a key: %v, want a sentence that names the setting", err)
		}
	}
}

func TestAShortKeyIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := seal.New(strings.Repeat("k", 31)); err == nil {
		t.Error("a key of 31 characters is taken")
	}
}
