package requant

// A token is a Huffman symbol to be written and the value behind it:
//
//	bits 0–7   the symbol: zeros before the coefficient, and size of its value
//	bit 8      set for AC coefficients
//	bit 9      set for chroma
//	bit 15     set for values other than zero
//	bits 16–   the value, as it is coded
const (
	acToken      = 1 << 8
	chromaToken  = 1 << 9
	nonZero      = 1 << 15
	symbolMask   = 1<<10 - 1
	valueShift   = 16
	runShift     = 4
	oneRun       = 1 << runShift
	tokenSize    = 4
	sixteenZeros = 0xf0 // the symbol (F.1.2.2.1)
	// emptyToken is the symbol of a size that does not exist; it is written as
	// nothing.
	emptyToken = symbolMask
)

// token returns the token of a value, by magnitude and sign.
func token(magnitude, sign uint64) uint32 {
	if magnitude == 0 {
		return 0
	}
	n := size(magnitude)
	return nonZero | n | uint32((magnitude^sign)&(1<<n-1))<<valueShift
}

const (
	pageTokens = 1 << 16
	// maxUnitBlocks is how many blocks a coded unit may have (B.2.3), and
	// maxUnitTokens more than they make: a DC coefficient, 63 others and an end.
	maxUnitBlocks = 10
	maxUnitTokens = maxUnitBlocks * 66
	// maxKeptPages is how many pages wait for the next picture.
	maxKeptPages = maxKept / (pageTokens * tokenSize)
)

// page is a run of tokens.
type page struct {
	tokens [pageTokens]uint32
	n      uint
}

// tokens is all tokens of a picture.
type tokens struct {
	pages []*page
	used  int
	limit int // of pages
}

// reset forgets the tokens, and bounds the ones to come.
func (t *tokens) reset(bytes int64) {
	t.used = 0
	t.limit = int(bytes/(pageTokens*tokenSize)) + 1
}

// page returns an empty page.
func (t *tokens) page() (*page, error) {
	if t.used == t.limit {
		return nil, unsupported("it has too many coefficients for its length")
	}
	if t.used == len(t.pages) {
		t.pages = append(t.pages, new(page))
	}
	p := t.pages[t.used]
	p.n = 0
	t.used++
	return p, nil
}

// counts is how often each symbol occurs.
type counts [symbolMask + 1]uint32

// count counts the symbols of all tokens. Those of neighbours are often the
// same: they are counted apart, so that one need not wait for the other.
func (t *tokens) count() *counts {
	var even, odd counts
	for _, p := range t.pages[:t.used] {
		list := p.tokens[:p.n]
		for ; len(list) >= 2; list = list[2:] {
			even[list[0]&symbolMask]++
			odd[list[1]&symbolMask]++
		}
		if len(list) > 0 {
			even[list[0]&symbolMask]++
		}
	}
	for i, n := range odd {
		even[i] += n
	}
	return &even
}

// trim lets go of pages beyond what is kept.
func (t *tokens) trim() {
	if len(t.pages) > maxKeptPages {
		clear(t.pages[maxKeptPages:])
		t.pages = t.pages[:maxKeptPages]
	}
}
