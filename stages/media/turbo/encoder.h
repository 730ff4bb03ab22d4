#ifndef FRAMEMILL_TURBO_H
#define FRAMEMILL_TURBO_H

#include <stddef.h>
#include <stdint.h>

typedef struct turbo_encoder turbo_encoder;

// A Huffman table as JPEG states it: how many codes there are of each length,
// and the symbols, shortest code first.
typedef struct {
	uint8_t bits[17];
	uint8_t values[256];
} turbo_table;

// turbo_library names the library.
const char *turbo_library(void);

// turbo_new returns an encoder of frames, NULL without memory. full_range says
// that samples use 0..255, bt709 that the matrix is not that of BT.601.
turbo_encoder *turbo_new(int width, int height, int full_range, int bt709, int quality);

void turbo_free(turbo_encoder *e);

// turbo_encode encodes a frame of three planes without padding. If optimise is
// not 0, it makes the Huffman tables that suit the frame best, and keeps them;
// else it uses those at hand, which must have all symbols. The picture belongs to the
// encoder and lasts until the next call. It returns NULL on an error.
const uint8_t *turbo_encode(turbo_encoder *e, const uint8_t *y, const uint8_t *cb, const uint8_t *cr, int optimise, size_t *size);

// turbo_error says what went wrong.
const char *turbo_error(const turbo_encoder *e);

// turbo_get_table and turbo_set_table read and write one of the tables: kind 0 is DC and 1 is AC, plane 0
// luma and 1 chroma. It may be changed between frames.
void turbo_get_table(turbo_encoder *e, int kind, int plane, turbo_table *t);
void turbo_set_table(turbo_encoder *e, int kind, int plane, const turbo_table *t);

#endif
