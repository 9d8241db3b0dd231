; The square of a number, f(x) = x^2, as LLVM IR: the smallest function with a derivative, f'(x) = 2 x.
; It names no target, so it is compiled for the machine that builds it.

define double @square(double %x) {
  %value = fmul double %x, %x
  ret double %value
}
