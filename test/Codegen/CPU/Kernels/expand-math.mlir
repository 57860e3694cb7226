// RUN: winnow-opt %s --winnow-expand-math | FileCheck %s

// CHECK-LABEL: func.func @scalar
// CHECK-NOT:   math.
// CHECK:       arith.mulf %{{.*}}, %{{.*}} fastmath<contract> : f32
func.func @scalar(%x: f32) -> f32 {
  %0 = math.exp %x : f32
  %1 = math.exp2 %0 : f32
  %2 = math.erf %1 : f32
  %3 = math.tanh %2 : f32
  %4 = math.log %3 : f32
  return %4 : f32
}

// CHECK-LABEL: func.func @vectors
// CHECK-NOT:   math.
// CHECK:       vector.fma %{{.*}} : vector<4x8xf32>
func.func @vectors(%x: vector<4x8xf32>) -> vector<4x8xf32> {
  %0 = math.tanh %x : vector<4x8xf32>
  return %0 : vector<4x8xf32>
}

// Other element types are left alone.

// CHECK-LABEL: func.func @doubles
// CHECK-NEXT:  math.exp %{{.*}} : f64
func.func @doubles(%x: f64) -> f64 {
  %0 = math.exp %x : f64
  return %0 : f64
}

// Narrow floats go by f32.

// CHECK-LABEL: func.func @narrow
// CHECK-NEXT:  %[[X:.*]] = arith.extf %arg0 : bf16 to f32
// CHECK-NEXT:  %[[TAN:.*]] = math.tan %[[X]] : f32
// CHECK-NEXT:  arith.truncf %[[TAN]] : f32 to bf16
func.func @narrow(%x: bf16) -> bf16 {
  %0 = math.tan %x : bf16
  return %0 : bf16
}

// CHECK-LABEL: func.func @narrow_exp
// CHECK-NOT:   math.exp
// CHECK:       arith.truncf %{{.*}} : f32 to f16
func.func @narrow_exp(%x: f16) -> f16 {
  %0 = math.exp %x : f16
  return %0 : f16
}

// Nothing is rounded here.

// CHECK-LABEL: func.func @absolute
// CHECK-NEXT:  math.absf %arg0 : bf16
func.func @absolute(%x: bf16) -> bf16 {
  %0 = math.absf %x : bf16
  return %0 : bf16
}
