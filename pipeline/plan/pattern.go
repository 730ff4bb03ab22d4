package plan

import (
	"slices"
	"unicode/utf8"

	"framemill/pipeline"
)

// maxPattern bounds a pattern, in characters: matching takes at most the
// product of both lengths.
const maxPattern = 256

// Pattern is a shell pattern over whole names, as Python's fnmatch has them: *
// stands for anything, slashes included, ? for one character, and [a-z] or
// [!a-z] for one of a set. There is no escape but a set of one.
type Pattern struct{ tokens []token }

// token matches one character, or with star any number of them.
type token struct {
	star   bool
	any    bool
	negate bool
	ranges []runeRange
}

type runeRange struct{ lo, hi rune }

// ParsePattern reads a pattern. Every text is one, up to its length.
func ParsePattern(text string) (Pattern, error) {
	if utf8.RuneCountInString(text) > maxPattern {
		return Pattern{}, pipeline.FieldErrorf("filename_pattern", "Ensure this field has no more than %d characters.", maxPattern)
	}
	var p Pattern
	for rest := []rune(text); len(rest) > 0; {
		var t token
		t, rest = nextToken(rest)
		if t.star && len(p.tokens) > 0 && p.tokens[len(p.tokens)-1].star {
			continue // several stars are one
		}
		p.tokens = append(p.tokens, t)
	}
	return p, nil
}

// nextToken reads the first token, and returns what follows it.
func nextToken(text []rune) (token, []rune) {
	switch c, rest := text[0], text[1:]; c {
	case '*':
		return token{star: true}, rest
	case '?':
		return token{any: true}, rest
	case '[':
		if end := endOfSet(rest); end >= 0 {
			return setOf(rest[:end]), rest[end+1:]
		}
	}
	return token{ranges: []runeRange{{text[0], text[0]}}}, text[1:]
}

// endOfSet finds the bracket that closes a set, -1 if there is none: then the
// opening one stands for itself. A bracket that comes first belongs to the set.
func endOfSet(text []rune) int {
	from := 0
	if from < len(text) && text[from] == '!' {
		from++
	}
	if from < len(text) && text[from] == ']' {
		from++
	}
	if end := slices.Index(text[min(from, len(text)):], ']'); end >= 0 {
		return from + end
	}
	return -1
}

// setOf reads what stands between brackets. A range that runs backward has
// nothing in it, and a set of nothing matches nothing.
func setOf(text []rune) token {
	t := token{}
	if len(text) > 0 && text[0] == '!' {
		t.negate, text = true, text[1:]
	}
	chunks := dropBackward(splitRanges(text))
	for i, chunk := range chunks {
		for k, c := range chunk {
			if i > 0 && k == 0 {
				t.ranges[len(t.ranges)-1].hi = c
				continue
			}
			t.ranges = append(t.ranges, runeRange{c, c})
		}
	}
	return t
}

// splitRanges cuts a set at the hyphens that make ranges: the last character
// before such a cut is the first of a range, and the one after it the last.
func splitRanges(text []rune) [][]rune {
	var chunks [][]rune
	for from := 1; from < len(text); {
		hyphen := slices.Index(text[from:], '-')
		if hyphen < 0 {
			break
		}
		hyphen += from
		chunks, text = append(chunks, text[:hyphen]), text[hyphen+1:]
		from = 2 // the end of one range is not the beginning of the next
	}
	if len(text) > 0 || len(chunks) == 0 {
		return append(chunks, text)
	}
	last := len(chunks) - 1
	chunks[last] = append(slices.Clone(chunks[last]), '-') // a hyphen at the end is one
	return chunks
}

// dropBackward takes out the ranges that run backward.
func dropBackward(chunks [][]rune) [][]rune {
	for k := len(chunks) - 1; k > 0; k-- {
		before, after := chunks[k-1], chunks[k]
		if before[len(before)-1] > after[0] {
			chunks[k-1] = slices.Concat(before[:len(before)-1], after[1:])
			chunks = slices.Delete(chunks, k, k+1)
		}
	}
	return chunks
}

// one reports whether a token that is no star matches a character.
func (t *token) one(c rune) bool {
	if t.any {
		return true
	}
	in := slices.ContainsFunc(t.ranges, func(r runeRange) bool { return r.lo <= c && c <= r.hi })
	return in != t.negate
}

// Match reports whether the whole name fits the pattern.
func (p Pattern) Match(name string) bool {
	at, star, mark := 0, -1, ""
	for name != "" {
		c, n := utf8.DecodeRuneInString(name)
		switch {
		case at < len(p.tokens) && p.tokens[at].star:
			star, mark = at, name
			at++
		case at < len(p.tokens) && p.tokens[at].one(c):
			name = name[n:]
			at++
		case star >= 0: // let the last star take one character more
			_, n := utf8.DecodeRuneInString(mark)
			mark = mark[n:]
			at, name = star+1, mark
		default:
			return false
		}
	}
	for at < len(p.tokens) && p.tokens[at].star {
		at++
	}
	return at == len(p.tokens)
}
