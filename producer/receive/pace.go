package receive

import (
	"io"
	"net/http"
	"time"
)

const (
	// A sender must deliver a piece in each period: 2 KiB a second are enough.
	pacePiece  = 64 << 10
	pacePeriod = 30 * time.Second
)

// Pace makes r refuse a body that trickles: one byte a second would hold a
// connection for years. It needs no limit for the whole body, which may be
// large and the line slow.
func Pace(w http.ResponseWriter, r *http.Request) {
	r.Body = &paced{ReadCloser: r.Body, conn: http.NewResponseController(w)}
}

// paced moves the deadline of its connection on with every piece it has read.
type paced struct {
	io.ReadCloser
	conn *http.ResponseController
	left int // of the piece
}

func (p *paced) Read(b []byte) (int, error) {
	if p.left <= 0 {
		p.left = pacePiece
		_ = p.conn.SetReadDeadline(time.Now().Add(pacePeriod)) // tests have no connection
	}
	n, err := p.ReadCloser.Read(b)
	p.left -= n
	if err != nil {
		// The deadline must not outlive the body: the server goes on watching
		// the connection, and would take it for dead.
		_ = p.conn.SetReadDeadline(time.Time{})
	}
	return n, err
}
