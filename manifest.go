package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"framemill/pipeline"
	"framemill/pipeline/blob/gcs"
	"framemill/pipeline/blob/s3"
	"framemill/pipeline/source"
	"framemill/stages/survey"
)

// manifestCmd is about manifests.
type manifestCmd struct {
	Create manifestCreateCmd `cmd:"" help:"Write a manifest of the pictures in a folder or a bucket, by reading their headers."`
}

// manifestCreateCmd writes a manifest.
type manifestCreateCmd struct {
	Place  string `arg:"" help:"A folder, s3://BUCKET/PREFIX or gs://BUCKET/PREFIX. Keys of S3 come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, those of Google from the file that GOOGLE_APPLICATION_CREDENTIALS names."`
	Output string `short:"o" help:"File to write; default: manifest.jsonl in the folder, or in the current one for a bucket." placeholder:"FILE"`
	Region string `help:"Region of the bucket." env:"AWS_REGION"`
	// Endpoint is for servers that speak S3 and are not Amazon's.
	Endpoint string `help:"Address of another server that speaks S3." env:"AWS_ENDPOINT_URL"`
}

// Run writes the manifest, whole or not at all.
func (c *manifestCreateCmd) Run(ctx context.Context) error {
	place, closePlace, err := c.open()
	if err != nil {
		return err
	}
	defer closePlace()
	output := c.Output
	if output == "" {
		output = "manifest.jsonl"
		if place.Share != nil {
			output = filepath.Join(c.Place, output)
		}
	}
	tmp, err := os.CreateTemp(filepath.Dir(output), ".manifest-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	watch := &surveyBar{out: os.Stderr}
	buffered := bufio.NewWriter(tmp)
	n, err := survey.Write(ctx, place, buffered, watch)
	watch.finish()
	if err := errors.Join(err, buffered.Flush(), tmp.Chmod(0o644), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), output); err != nil {
		return err
	}
	fmt.Printf("%s lists %d pictures\n", output, n)
	return nil
}

// open finds what the command line names.
func (c *manifestCreateCmd) open() (survey.Place, func() error, error) {
	scheme, rest, remote := strings.Cut(c.Place, "://")
	none := func() error { return nil }
	if !remote {
		share, err := source.OpenShare(c.Place)
		if err != nil {
			return survey.Place{}, none, err
		}
		return survey.Place{Share: share}, share.Close, nil
	}
	bucket, prefix, _ := strings.Cut(rest, "/")
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	place, err := survey.Place{Prefix: prefix}, error(nil)
	switch web := newWeb(); scheme {
	case "s3":
		place.Bucket, err = s3.OpenSource(s3.SourceConfig{
			Bucket: bucket, Region: c.Region, Endpoint: c.Endpoint, Client: web,
			Key: os.Getenv("AWS_ACCESS_KEY_ID"), Secret: os.Getenv("AWS_SECRET_ACCESS_KEY"),
		})
	case "gs":
		var key []byte
		if file := os.Getenv("GOOGLE_APPLICATION_CREDENTIALS"); file != "" {
			key, err = os.ReadFile(file)
		}
		if err == nil {
			place.Bucket, err = gcs.OpenSource(gcs.SourceConfig{Bucket: bucket, KeyFile: string(key), Client: web})
		}
	default:
		err = fmt.Errorf("%q is neither a folder nor an address that begins with s3:// or gs://", c.Place)
	}
	return place, none, err
}

// newWeb is a client for as many requests at a time as a survey makes. Whoever
// runs the command chooses the address, so any may be reached.
func newWeb() *http.Client {
	return &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 32, ResponseHeaderTimeout: 30 * time.Second, TLSHandshakeTimeout: 10 * time.Second,
	}}
}

// surveyBar shows how a survey goes.
type surveyBar struct {
	out      io.Writer
	progress *mpb.Progress
	bar      *mpb.Bar
	left     int      // pictures that cannot be used
	texts    []string // why, of the first
}

// maxLeftOut bounds the pictures that are named because they cannot be used.
const maxLeftOut = 100

// Found implements survey.Watch.
func (b *surveyBar) Found(total int64) {
	b.progress = mpb.New(mpb.WithOutput(b.out), mpb.WithWidth(40))
	b.bar = b.progress.AddBar(total, mpb.PrependDecorators(decor.Name("headers ")),
		mpb.AppendDecorators(decor.CountersNoUnit("%d of %d "), decor.AverageSpeed(0, "%.0f/s")))
}

// Read implements survey.Watch.
func (b *surveyBar) Read(name string, bad error) {
	b.bar.Increment()
	if bad == nil {
		return
	}
	if b.left++; b.left <= maxLeftOut {
		b.texts = append(b.texts, fmt.Sprintf("left out %s: %s", name, pipeline.Public(bad).Text))
	}
}

// finish ends the bar, also of a survey that was broken off, and tells what was
// left out.
func (b *surveyBar) finish() {
	if b.progress != nil {
		b.bar.Abort(false)
		b.progress.Wait()
	}
	for _, text := range b.texts {
		fmt.Fprintln(b.out, text)
	}
	if more := b.left - len(b.texts); more > 0 {
		fmt.Fprintf(b.out, "and left out %d more\n", more)
	}
}
