; IR functions whose derivatives are held against central differences.

declare double @llvm.sqrt.f64(double)
declare double @llvm.fma.f64(double, double, double)

define double @select(double %x, double %y) {
  %less = fcmp olt double %x, %y
  %chosen = select i1 %less, double %x, double %y
  %squared = fmul double %chosen, %chosen
  ret double %squared
}

define double @intrinsics(double %x) {
  %root = call double @llvm.sqrt.f64(double %x)
  %fused = call double @llvm.fma.f64(double %root, double %x, double 1.0)
  ret double %fused
}

define double @vector(ptr %x) {
  %numbers = load <4 x double>, ptr %x, align 8
  %squares = fmul <4 x double> %numbers, %numbers
  %first = extractelement <4 x double> %squares, i32 0
  %last = extractelement <4 x double> %numbers, i32 3
  %product = fmul double %first, %last
  ret double %product
}
