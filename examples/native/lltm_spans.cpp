// What is left of the LLTM cell when its matrix product is PyTorch's: one pass over the gates, forward and backward.
// No header of PyTorch: it compiles in a second.
#include <cmath>
#include <cstddef>
#include <span>

template <class T>
struct Unit {
  T input, output, z, candidate;
  Unit(const T* gates, std::size_t h)
      : input(1 / (1 + std::exp(-gates[0]))), output(1 / (1 + std::exp(-gates[h]))), z(gates[2 * h]),
        candidate(z > 0 ? z : std::expm1(z)) {}
};

template <class T>
void cell_forward(std::span<const T> gates, std::span<const T> old_cell, std::span<T> h, std::span<T> cell) {
  for (std::size_t j = 0; j < h.size(); j++) {
    Unit<T> unit(&gates[j], h.size());
    cell[j] = old_cell[j] + unit.candidate * unit.input;
    h[j] = std::tanh(cell[j]) * unit.output;
  }
}

template <class T>
void cell_backward(
    std::span<const T> grad_h, std::span<const T> grad_cell, std::span<const T> gates, std::span<const T> old_cell,
    std::span<T> d_gates, std::span<T> d_cell) {
  const std::size_t size = old_cell.size();
  for (std::size_t j = 0; j < size; j++) {
    Unit<T> unit(&gates[j], size);
    const T tanh = std::tanh(old_cell[j] + unit.candidate * unit.input);
    d_cell[j] = grad_cell[j] + grad_h[j] * unit.output * (1 - tanh * tanh);
    d_gates[j] = d_cell[j] * unit.candidate * unit.input * (1 - unit.input);
    d_gates[j + size] = grad_h[j] * tanh * unit.output * (1 - unit.output);
    d_gates[j + 2 * size] = d_cell[j] * unit.input * (unit.z > 0 ? 1 : std::exp(unit.z));
  }
}
