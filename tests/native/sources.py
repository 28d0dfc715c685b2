"""The C functions that these tests call; the sanitizers run the same."""

SOURCE = r"""
#include <complex.h>
#include <stdint.h>
#include <unistd.h>

void scale(const double *x, int64_t n, double a, double *y) { for (int64_t i = 0; i < n; i++) y[i] = a * x[i]; }
void scalef(const float *x, int64_t n, double a, float *y) { for (int64_t i = 0; i < n; i++) y[i] = (float)a * x[i]; }

/* "valid": y[i, j] = sum_pq x[i + p, j + q] w[p, q] */
void correlate(const double *x, const double *w, int m, int n, int k, int l, double *y) {
  for (int i = 0; i + k <= m; i++)
    for (int j = 0; j + l <= n; j++)
      for (int p = 0; p < k; p++)
        for (int q = 0; q < l; q++) y[i * (int64_t)(n - l + 1) + j] += x[(i + p) * (int64_t)n + j + q] * w[p * l + q];
}

/* "full": y[i + p, j + q] += x[i, j] w[p, q] */
void convolve(const double *x, const double *w, int m, int n, int k, int l, double *y) {
  for (int i = 0; i < m; i++)
    for (int j = 0; j < n; j++)
      for (int p = 0; p < k; p++)
        for (int q = 0; q < l; q++) y[(i + p) * (int64_t)(n + l - 1) + j + q] += x[i * (int64_t)n + j] * w[p * l + q];
}

void running(const double *x, int64_t n, double *sums, double *total) {
  for (int64_t i = 0; i < n; i++) sums[i] = *total += x[i];
}

int pick(const double *x, const int32_t *at, int64_t n, int64_t k, double *y) {
  for (int64_t i = 0; i < k; i++) {
    if (at[i] < 0 || at[i] >= n) return 3;
    y[i] = x[at[i]];
  }
  return 0;
}

void repeat(const double *x, int64_t n, int64_t num, double *y) {
  for (int64_t i = 0; i < num; i++) y[i] = n ? x[i % n] : 0;
}

void turn(const double complex *z, int64_t n, double complex *y) { for (int64_t i = 0; i < n; i++) y[i] = I * z[i]; }

void narrow(const double *x, int16_t n, double *y) { for (int i = 0; i < n; i++) y[i] = x[i]; }

int fail(const double *x, int64_t n, double *y) { return n ? (int)x[0] : 0; }

void wait_a_while(const double *x, double *y) { usleep(300000); *y = *x; }
"""

DECLARATIONS = {
    "scale": (
        "(n)->(n)",
        ("void scale(const double* x, int64_t n, double a, double* y)",
         "void scalef(const float* x, int64_t n, double a, float* y)"),
    ),
    "correlate": (
        "(m,n),(k,l)->(m-k+1,n-l+1)",
        "void correlate(const double *restrict x, const double w[], int m, int n, int k, int l, double *y);",
    ),
    "convolve": (
        "(m,n),(k,l)->(m+k-1,n+l-1)",
        "void convolve(const double* x, const double* w, int m, int n, int k, int l, double* y)",
    ),
    "running": ("(n)->(n),()", "void running(const double* x, int64_t n, double* sums, double* total)"),
    "pick": ("(n),(k)->(k)", "int pick(const double* x, const int32_t* at, int64_t n, int64_t k, double* y)"),
    "repeat": ("(n)->(num)", "void repeat(const double* x, int64_t n, int64_t num, double* y)"),
    "turn": ("(n)->(n)", "void turn(const double complex* z, int64_t n, double complex* y)"),
    "narrow": ("(n)->(n)", "void narrow(const double* x, int16_t n, double* y)"),
    "fail": ("(n)->(n)", "int fail(const double* x, int64_t n, double* y)"),
    "wait_a_while": ("()->()", "void wait_a_while(const double* x, double* y)"),
}  # fmt: skip
