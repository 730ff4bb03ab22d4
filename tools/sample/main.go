// Command sample fills a folder with photograph-like pictures of several sizes
// and formats, each with its number in large digits and as a bar code, and has
// ffmpeg make a video of such frames, if one is asked for:
//
//	go run ./tools/sample DIR [--n 60] [--video FILE]
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/alecthomas/kong"

	"framemill/tests/sample"
)

func main() {
	var args struct {
		Dir   string `arg:"" help:"Folder to write to; it is made if missing."`
		N     int    `default:"60" help:"Number of pictures."`
		Video string `help:"Where to write a video of 20 seconds; none if empty." placeholder:"FILE"`
	}
	kong.Parse(&args, kong.Description("Makes sample pictures and a video."))
	if err := run(args.Dir, args.N, args.Video); err != nil {
		fmt.Fprintln(os.Stderr, "sample:", err)
		os.Exit(1)
	}
}

func run(dir string, n int, video string) error {
	paths, err := sample.Write(dir, n)
	if err != nil {
		return err
	}
	fmt.Printf("%d pictures in %s\n", len(paths), dir)
	if video == "" {
		return nil
	}
	if err := sample.Film(context.Background(), video); err != nil {
		return err
	}
	fmt.Printf("a video of %d frames in %s\n", sample.FilmFrames, video)
	return nil
}
