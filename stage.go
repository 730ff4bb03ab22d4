package main

import (
	"context"
	"os"
	"path/filepath"

	"framemill/configs"
	"framemill/pipeline/blob/fs"
	"framemill/pipeline/source"
	"framemill/stages"
	"framemill/stages/media/sandbox"
)

// stageCmd is the child's side of work that crashed a worker: one stage, in a
// process of its own, told by standard input.
type stageCmd struct {
	Blobs   string `help:"Folder of the blobs." required:""`
	Share   string `help:"Folder of the share."`
	Scratch string `help:"Folder for what ffmpeg writes."`
	Decoder string `help:"Path of framemill-decoder."`
}

// scratchDir is where programs of ours write what is not kept yet.
func scratchDir(cfg configs.Config) string { return absolute(filepath.Join(cfg.Data, "scratch")) }

// stageArgs is the command line of the child.
func stageArgs(cfg configs.Config, decoder string) []string {
	args := []string{"stage", "--blobs", absolute(cfg.BlobDir()), "--scratch", scratchDir(cfg)}
	if decoder != "" {
		args = append(args, "--decoder", decoder)
	}
	if cfg.Share != "" {
		args = append(args, "--share", absolute(cfg.Share))
	}
	return args
}

// absolute is dir wherever the child is started.
func absolute(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		return abs
	}
	return dir
}

// Run runs the stage that standard input names.
func (c *stageCmd) Run(ctx context.Context) error {
	if err := sandbox.ChildLimits(); err != nil {
		return err
	}
	bucket, err := fs.New(fs.Config{Dir: c.Blobs, MustExist: true})
	if err != nil {
		return err
	}
	defer bucket.Close()
	var share *source.Share
	if c.Share != "" {
		if share, err = source.OpenShare(c.Share); err != nil {
			return err
		}
		defer share.Close()
	}
	set, err := stages.New(bucket, share, source.New(bucket, share, nil), stages.Free, stages.Config{Scratch: c.Scratch, Decoder: c.Decoder})
	if err != nil {
		return err
	}
	return set.RunAlone(ctx, os.Stdin, os.Stdout)
}
