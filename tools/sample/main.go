// Command sample fills a folder with photograph-like pictures of several sizes
// and formats, each with its number in large digits and as a bar code:
//
//	go run ./tools/sample DIR [--n 60]
package main

import (
	"fmt"
	"os"

	"github.com/alecthomas/kong"

	"framemill/tests/sample"
)

func main() {
	var args struct {
		Dir string `arg:"" help:"Folder to write to; it is made if missing."`
		N   int    `default:"60" help:"Number of pictures."`
	}
	kong.Parse(&args, kong.Description("Makes sample pictures."))
	paths, err := sample.Write(args.Dir, args.N)
	if err != nil {
		fmt.Fprintln(os.Stderr, "sample:", err)
		os.Exit(1)
	}
	fmt.Printf("%d pictures in %s\n", len(paths), args.Dir)
}
