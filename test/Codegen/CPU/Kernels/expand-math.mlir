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
