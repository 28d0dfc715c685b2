/* A smoother from an old code base: no headers, no const, its lengths in int. */
int smooth3(double *signal, int length, double weight, double *result) {
  int i;
  if (weight < 0 || weight > 0.5) return 1;
  for (i = 0; i < length; i++) {
    double left = i > 0 ? signal[i - 1] : 0, right = i + 1 < length ? signal[i + 1] : 0;
    result[i] = (1 - 2 * weight) * signal[i] + weight * (left + right);
  }
  return 0;
}
