package main

import (
	"context"
	"errors"
	"os"
	"strings"

	"framemill/producer/client"
)

// ingestCmd makes a task of files over the API of a server.
type ingestCmd struct {
	Server      string   `help:"Address of the server." default:"http://127.0.0.1:8080" env:"FRAMEMILL_SERVER"`
	User        string   `help:"Who to log in as; the password is read from FRAMEMILL_PASSWORD." default:"admin" env:"FRAMEMILL_USER"`
	Name        string   `help:"Name of the task; default: that of the first file."`
	Label       []string `help:"Names of labels." default:"object" sep:","`
	SegmentSize int64    `help:"Frames per job; 0 makes one job." default:"0"`
	Overlap     *int64   `help:"Frames that neighbouring jobs share."`
	ChunkSize   int64    `help:"Frames per chunk; 0 chooses by the picture size." default:"0"`
	Quality     int64    `help:"JPEG quality of what annotators see, 1 to 100." default:"70"`
	Cache       bool     `help:"Make chunks when they are first read."`
	Sorting     string   `help:"Order of the frames." enum:"lexicographical,natural,predefined,random" default:"lexicographical"`
	Start       int64    `help:"First frame to use." default:"0"`
	Stop        *int64   `help:"Last frame to use."`
	Step        int64    `help:"Use every N-th frame." default:"1" placeholder:"N"`
	Share       bool     `help:"The files are paths on the server's share."`
	Files       []string `arg:"" help:"Pictures, folders of pictures, or a zip archive."`
}

// Run ingests the files and shows how it goes.
func (c *ingestCmd) Run(ctx context.Context) error {
	password := strings.TrimRight(os.Getenv("FRAMEMILL_PASSWORD"), "\r\n")
	if password == "" {
		return errors.New("no password: set FRAMEMILL_PASSWORD")
	}
	_, err := client.Ingest(ctx, client.Options{
		Server: c.Server, Credentials: client.Credentials{User: c.User, Password: password},
		Name: c.Name, Labels: c.Label, Files: c.Files, Share: c.Share,
		SegmentSize: c.SegmentSize, Overlap: c.Overlap, ChunkSize: c.ChunkSize, Quality: c.Quality,
		UseCache: c.Cache, Sorting: c.Sorting, StartFrame: c.Start, StopFrame: c.Stop, Step: c.Step,
	}, os.Stdout)
	return err
}
