//go:build cgo

#include "encoder.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#define STRINGIFY(x) #x
#define TEXT(x) STRINGIFY(x)

// Loops over samples are compiled for newer processors as well.
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("avx2", "default"), optimize("O3")))
#else
#define WIDE
#endif

enum { MCU = 16, FIXED = 16, HALF = 1 << (FIXED - 1) };

// Terms of the conversion to full-range BT.601, in fixed point: what a sample
// gets of luma, blue and red difference.
typedef struct {
	int32_t yy, yb, yr, bb, br, rb, rr, zero;
} matrix;

struct turbo_encoder {
	struct jpeg_compress_struct c;
	struct jpeg_error_mgr handlers;
	jmp_buf failed;
	char message[JMSG_LENGTH_MAX];

	int width, height, chroma_width, chroma_height;
	int stretch, mix; // what the conversion is
	matrix m;
	size_t stride; // of luma; that of chroma is half of it
	uint8_t *strip; // a row of MCUs, converted and padded
	int32_t *blend; // what chroma adds to each pair of luma samples
	uint8_t *out;
	size_t capacity;
};

const char *turbo_library(void) { return "libjpeg-turbo " TEXT(LIBJPEG_TURBO_VERSION); }

static void fail(j_common_ptr c) {
	turbo_encoder *e = c->client_data;
	c->err->format_message(c, e->message);
	longjmp(e->failed, 1);
}

static void ignore(j_common_ptr c) { (void)c; }

static int32_t to_fixed(double v) { return (int32_t)(v < 0 ? v * (1 << FIXED) - 0.5 : v * (1 << FIXED) + 0.5); }

// column works out what one difference becomes: of is (1, 0) for blue.
static void column(double cb, double cr, double scale, int32_t *y, int32_t *b, int32_t *r) {
	const double red601 = 0.299, blue601 = 0.114, red709 = 0.2126, blue709 = 0.0722;
	double red = 2 * (1 - red709) * cr, blue = 2 * (1 - blue709) * cb;
	double green = -(red709 * red + blue709 * blue) / (1 - red709 - blue709);
	double luma = red601 * red + (1 - red601 - blue601) * green + blue601 * blue;
	*y = to_fixed(scale * luma);
	*b = to_fixed(scale * (blue - luma) / (2 * (1 - blue601)));
	*r = to_fixed(scale * (red - luma) / (2 * (1 - red601)));
}

static void choose_conversion(turbo_encoder *e, int full_range, int bt709) {
	e->mix = bt709;
	e->stretch = !full_range;
	e->m.yy = to_fixed(full_range ? 1 : 255.0 / 219);
	e->m.zero = full_range ? 0 : 16;
	double scale = full_range ? 1 : 255.0 / 224;
	column(1, 0, scale, &e->m.yb, &e->m.bb, &e->m.rb);
	column(0, 1, scale, &e->m.yr, &e->m.br, &e->m.rr);
}

turbo_encoder *turbo_new(int width, int height, int full_range, int bt709, int quality) {
	turbo_encoder *e = calloc(1, sizeof *e);
	if (e == NULL) return NULL;
	e->width = width, e->height = height;
	e->chroma_width = (width + 1) / 2, e->chroma_height = (height + 1) / 2;
	choose_conversion(e, full_range, bt709);
	e->stride = ((size_t)width + MCU - 1) / MCU * MCU;
	e->strip = malloc(e->stride * MCU * 3 / 2);
	e->blend = malloc(e->stride / 2 * sizeof *e->blend);
	e->capacity = (size_t)width * height / 4 + 65536;
	e->out = malloc(e->capacity);

	e->c.err = jpeg_std_error(&e->handlers);
	e->handlers.error_exit = fail;
	e->handlers.output_message = ignore;
	e->c.client_data = e;
	if (e->strip == NULL || e->blend == NULL || e->out == NULL || setjmp(e->failed)) {
		turbo_free(e);
		return NULL;
	}
	jpeg_create_compress(&e->c);
	e->c.client_data = e;
	e->c.image_width = width, e->c.image_height = height;
	e->c.input_components = 3, e->c.in_color_space = JCS_YCbCr;
	jpeg_set_defaults(&e->c); // 4:2:0
	jpeg_set_quality(&e->c, quality, TRUE);
	e->c.raw_data_in = TRUE;
	e->c.dct_method = JDCT_ISLOW;
	return e;
}

void turbo_free(turbo_encoder *e) {
	if (e == NULL) return;
	if (e->c.mem != NULL) jpeg_destroy_compress(&e->c);
	free(e->strip);
	free(e->blend);
	free(e->out);
	free(e);
}

const char *turbo_error(const turbo_encoder *e) { return e->message; }

static inline uint8_t clamp(int32_t v) { return v < 0 ? 0 : v > 255 ? 255 : v; }

// stretch_luma makes 16..235 to 0..255, in 16 bits with 8 of them fractions.
WIDE static void stretch_luma(uint8_t *restrict to, const uint8_t *restrict from, int n) {
	const uint32_t more = 10773; // (255/219 - 1) in 16 bits
	for (int i = 0; i < n; i++) {
		uint16_t v = from[i] < 16 ? 0 : from[i] > 235 ? 219 : from[i] - 16;
		v <<= 8;
		uint16_t add = (v * more) >> 16;
		to[i] = (uint16_t)(v + add + 128) >> 8;
	}
}

// stretch_chroma makes 16..240 to 0..255 about 128, with 7 bits of fractions.
WIDE static void stretch_chroma(uint8_t *restrict to, const uint8_t *restrict from, int n) {
	const int32_t more = 4535; // (255/224 - 1) in 15 bits
	for (int i = 0; i < n; i++) {
		int16_t d = from[i] - 128;
		int16_t add = ((int16_t)(d * 256) * more) >> 16;
		int16_t v = ((int16_t)(d * 128 + add + 64) >> 7) + 128;
		to[i] = v < 0 ? 0 : v > 255 ? 255 : v;
	}
}

// mix_chroma converts both differences, and says what they add to luma.
WIDE static void mix_chroma(const matrix *m, uint8_t *restrict to_b, uint8_t *restrict to_r, int32_t *restrict blend,
                            const uint8_t *restrict b, const uint8_t *restrict r, int n) {
	const matrix k = *m;
	for (int i = 0; i < n; i++) {
		int32_t cb = b[i] - 128, cr = r[i] - 128;
		blend[i] = k.yb * cb + k.yr * cr + HALF;
		to_b[i] = clamp(((k.bb * cb + k.br * cr + HALF) >> FIXED) + 128);
		to_r[i] = clamp(((k.rb * cb + k.rr * cr + HALF) >> FIXED) + 128);
	}
}

// mix_luma converts a row of luma, two samples to each of chroma.
WIDE static void mix_luma(const matrix *m, uint8_t *restrict to, const uint8_t *restrict from, const int32_t *restrict blend, int n) {
	const matrix k = *m;
	for (int i = 0; i < n / 2; i++) {
		to[2 * i] = clamp((k.yy * (from[2 * i] - k.zero) + blend[i]) >> FIXED);
		to[2 * i + 1] = clamp((k.yy * (from[2 * i + 1] - k.zero) + blend[i]) >> FIXED);
	}
	if (n % 2) to[n - 1] = clamp((k.yy * (from[n - 1] - k.zero) + blend[n / 2]) >> FIXED);
}

// pad repeats the last sample of a row.
static void pad(uint8_t *row, size_t width, size_t stride) { memset(row + width, row[width - 1], stride - width); }

// convert_chroma fills row i of both planes of the strip with row n of a frame.
static void convert_chroma(turbo_encoder *e, uint8_t *to_b, uint8_t *to_r, const uint8_t *b, const uint8_t *r) {
	int n = e->chroma_width;
	if (e->mix) {
		mix_chroma(&e->m, to_b, to_r, e->blend, b, r, n);
	} else if (e->stretch) {
		stretch_chroma(to_b, b, n);
		stretch_chroma(to_r, r, n);
	} else {
		memcpy(to_b, b, n);
		memcpy(to_r, r, n);
	}
	pad(to_b, n, e->stride / 2);
	pad(to_r, n, e->stride / 2);
}

static void convert_luma(turbo_encoder *e, uint8_t *to, const uint8_t *y) {
	int n = e->width;
	if (e->mix) {
		mix_luma(&e->m, to, y, e->blend, n);
	} else if (e->stretch) {
		stretch_luma(to, y, n);
	} else {
		memcpy(to, y, n);
	}
	pad(to, n, e->stride);
}

// fill converts the rows of one row of MCUs. Below the last row of the frame it
// repeats that one.
static void fill(turbo_encoder *e, JSAMPROW *rows[3], int top, const uint8_t *y, const uint8_t *cb, const uint8_t *cr) {
	for (int i = 0; i < MCU / 2; i++) {
		int at = top / 2 + i;
		if (at >= e->chroma_height) {
			memcpy(rows[1][i], rows[1][i - 1], e->stride / 2);
			memcpy(rows[2][i], rows[2][i - 1], e->stride / 2);
		} else {
			size_t from = (size_t)at * e->chroma_width;
			convert_chroma(e, rows[1][i], rows[2][i], cb + from, cr + from);
		}
		for (int j = 2 * i; j < 2 * i + 2; j++) {
			if (top + j >= e->height) {
				memcpy(rows[0][j], rows[0][j - 1], e->stride);
			} else {
				convert_luma(e, rows[0][j], y + (size_t)(top + j) * e->width);
			}
		}
	}
}

const uint8_t *turbo_encode(turbo_encoder *e, const uint8_t *y, const uint8_t *cb, const uint8_t *cr, int optimise, size_t *size) {
	JSAMPROW luma[MCU], blue[MCU / 2], red[MCU / 2];
	JSAMPROW *rows[3] = {luma, blue, red};
	uint8_t *chroma = e->strip + e->stride * MCU;
	for (int i = 0; i < MCU; i++) luma[i] = e->strip + e->stride * i;
	for (int i = 0; i < MCU / 2; i++) {
		blue[i] = chroma + e->stride / 2 * i;
		red[i] = chroma + e->stride / 2 * (MCU / 2 + i);
	}
	unsigned char *const before = e->out;
	unsigned char *volatile out = e->out;
	unsigned long length = e->capacity;
	if (setjmp(e->failed)) return NULL; // the encoder is of no use any more
	jpeg_mem_dest(&e->c, (unsigned char **)&out, &length);
	e->c.optimize_coding = optimise != 0;
	jpeg_start_compress(&e->c, TRUE);
	while (e->c.next_scanline < e->c.image_height) {
		fill(e, rows, e->c.next_scanline, y, cb, cr);
		jpeg_write_raw_data(&e->c, rows, MCU);
	}
	jpeg_finish_compress(&e->c);
	if (out != before) { // it did not fit
		free(before);
		e->out = out, e->capacity = length;
	}
	*size = length;
	return e->out;
}

static JHUFF_TBL *table_at(turbo_encoder *e, int kind, int plane) {
	return kind ? e->c.ac_huff_tbl_ptrs[plane] : e->c.dc_huff_tbl_ptrs[plane];
}

void turbo_get_table(turbo_encoder *e, int kind, int plane, turbo_table *t) {
	JHUFF_TBL *h = table_at(e, kind, plane);
	memcpy(t->bits, h->bits, sizeof t->bits);
	memcpy(t->values, h->huffval, sizeof t->values);
}

void turbo_set_table(turbo_encoder *e, int kind, int plane, const turbo_table *t) {
	JHUFF_TBL *h = table_at(e, kind, plane);
	memcpy(h->bits, t->bits, sizeof t->bits);
	memcpy(h->huffval, t->values, sizeof t->values);
}
