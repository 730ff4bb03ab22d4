package queue_test

import (
	"strings"
	"testing"

	"framemill/pipeline/queue"
)

func TestConfigValidate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		url  string
		want string // in the error; empty means none
	}{
		{url: ""},
		{url: "redis://localhost"},
		{url: "redis://localhost:6379/3"},
		{url: "redis://:pa%2Fss@10.0.0.1:6379?db=2"},
		{url: "redis://[::1]:6379"},
		{url: "redis://[::1]"},
		{url: "rediss://user:secret@redis.example:6380"},
		{url: "redis-sentinel://a:26379,b:26379,c/main?db=1"},
		{url: "redis-sentinel://:secret@a,b/main?sentinel_password=x&sentinel_username=y&tls=true"},
		{url: "redis+cluster://a:7000,b:7001,[::1]:7002"},
		{url: "redis+cluster://user:secret@a:7000/?tls=false"},

		{url: "localhost:6379", want: "begins with"},
		{url: "http://localhost", want: "begins with"},
		{url: "redis://", want: "host 1 of 1"},
		{url: "redis://host:port", want: "host 1 of 1"},
		{url: "redis://host:0", want: "host 1 of 1"},
		{url: "redis://a:1,b:2", want: "several hosts"},
		{url: "redis://localhost/x", want: `database "x"`},
		{url: "redis://localhost?db=-1", want: `database "-1"`},
		{url: "redis://localhost?timeout=3", want: `"timeout"`},
		{url: "redis://:secret%zz@localhost", want: "cannot be read"},
		{url: "redis://:sec/ret@localhost", want: "host 1 of 1"},
		{url: "redis-sentinel://a:26379", want: "master is missing"},
		{url: "redis-sentinel://a:26379,,b/main", want: "host 2 of 3"},
		{url: "redis-sentinel://a/main?tls=maybe", want: "tls is neither"},
		{url: "redis+cluster://a:7000/1", want: "no databases"},
		{url: "redis+cluster://a:7000?db=1", want: `"db"`},
	}
	for _, tt := range tests {
		t.Run(tt.url, func(t *testing.T) {
			t.Parallel()
			err := queue.Config{URL: tt.url}.Validate()
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("Validate: %v, want no error", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("Validate: %v, want an error with %q", err, tt.want)
			case err != nil && strings.Contains(err.Error(), "secret"):
				t.Errorf("Validate: %v repeats the password", err)
			}
		})
	}
}

func TestConfigReportsEveryMistake(t *testing.T) {
	t.Parallel()
	err := queue.Config{URL: "redis-sentinel://:0?tls=perhaps&nope=1"}.Validate()
	for _, want := range []string{"host 1", "master", "tls", "nope"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Validate: %v, want %q in it too", err, want)
		}
	}
}

func FuzzConfig(f *testing.F) {
	for _, s := range []string{"redis://u:p@h:1/2?db=3", "redis-sentinel://[::1]:2,b/m", "redis+cluster://@,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, url string) {
		_ = queue.Config{URL: url}.Validate() // must not panic
	})
}
