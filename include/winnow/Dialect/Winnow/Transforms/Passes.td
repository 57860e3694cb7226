//===- Passes.td - winnow to winnow ---------------------------------------===//

#ifndef WINNOW_TRANSFORMS_PASSES_TD
#define WINNOW_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def FoldConstants : Pass<"winnow-fold-constants", "mlir::ModuleOp"> {
  let summary = "evaluates ops whose operands are small constants";
  let description = [{
    Exporters leave scalar arithmetic (`head_dim ** -0.5`), index tables and
    shape values in the graph; the passes that recognise idioms want to see
    numbers.

    Algorithm: one walk in program order. A winnow op whose operands are all
    constants is evaluated in double precision and rounded once to its type;
    `dim_values` without symbols and `iota` of static length have no operands
    and are constants as well. A reshape of a resource shares the resource.

    Precondition: none. Postcondition: no elementwise, reshape, transpose,
    slice, concat, broadcast_to or gather op has only constant operands, unless
    an operand or the result is larger than `max-bytes`.

    Refuses: `fold-constants.too-large`. Large weights that are only moved stay
    as they are, for the weight packer, without a report; so does a gather whose
    index is out of range, which must fail at run time.

    Example:
    ```mlir
    %0 = winnow.constant dense<16.0> : tensor<f32>
    %1 = winnow.constant dense<-0.5> : tensor<f32>
    %2 = winnow.pow %0, %1 : (tensor<f32>, tensor<f32>) -> tensor<f32>
    // becomes
    %2 = winnow.constant dense<2.500000e-01> : tensor<f32>
    ```
  }];
  let options = [
    Option<"maxBytes", "max-bytes", "int64_t", "1048576",
           "largest operand or result that is evaluated">];
}

def SimplifyIdioms : Pass<"winnow-simplify-idioms", "mlir::ModuleOp"> {
  let summary = "undoes what exporters write around the ops that matter";
  let description = [{
    TorchScript and dynamo spell one model in many ways. This pass brings them
    to one form, so that the raising passes match one form.

    Algorithm: greedy patterns, in seven groups.
    Elementwise: operations with a neutral constant (x+0, x-0, x*1, x/1, true
    and x, false or x, constant select) disappear; pow 2 is a product, pow 0.5 a
    square root, pow -0.5 its reciprocal; division by a power of two is a
    product; cast chains that lose nothing are one cast; broadcast_to moves
    below elementwise ops, so that they compute on small tensors; arithmetic on a
    select of two constants (or a cast boolean) is a select of two others.
    Movement: a transpose that moves only unit dimensions is a reshape; reshapes
    move above transposes and slices above both, where dimensions stay whole, so
    that transposes meet and cancel, or become one; slices move above broadcasts.
    Attention: a mask that hides nothing disappears; a mask's broadcasts and the repeat of keys' and values' heads for
    groups of queries' are left to the op; a transpose moves below rotary.
    Linears: reshapes of leading dimensions move above them, transposes below,
    to meet what undoes them; an order of features moves into weights, and below what
    adds to it or normalises it.
    Indexing: an index that is provably the position itself, however it is
    written (Range, Unsqueeze, Expand, Concat, multiply-add of sizes), makes
    gather and gather_nd reshapes, and a scatter_nd its updates; a comparison of
    positions that comes out the same for all elements is known, and one that
    another implies is dropped.
    Masks: selects of numbers that are multiplied, filled into each other, or
    compared after a sum are one select of joined conditions; what moves them moves
    their conditions, slices down to the positions that are compared; a constant
    before compared positions is what comparing earlier ones gives.
    Shuffles: an order of tokens (Token-Shuffle, arXiv 2504.17789) moves above
    what is computed of each token by itself, to the numbers by which they are
    looked up.

    Precondition: none. Postcondition: types at function borders are unchanged.

    Refuses, without a report because its sites are many and small: a gather by
    positions whose table may be shorter than the symbols' bounds allow, which
    must fail at run time; a rewrite that would transpose a value twice.

    Float semantics: x+0 gives -0 where ONNX gives +0, a product of masks 0 where
    ONNX gives -0, and pow(x, 0.5) is NaN instead of infinity for minus infinity;
    all other rewrites keep every bit.

    Example:
    ```mlir
    %0 = winnow.iota {start = 0 : i64, step = 1 : i64} : tensor<?xi64, affine_map<()[s0] -> (s0)>>
    %1 = winnow.gather %x, %0 {axis = 0 : i64} : (tensor<?x4xf32, affine_map<()[s0] -> (s0, 4)>>, tensor<?xi64, affine_map<()[s0] -> (s0)>>) -> tensor<?x4xf32, affine_map<()[s0] -> (s0, 4)>>
    // becomes %x
    ```
  }];
  let options = [Option<"maxRewrites", "max-rewrites", "int64_t", /*default=*/"0",
                        "after which patterns are taken to undo each other; 0: by the number of operations">];
}

def RaiseLayerNorm : Pass<"winnow-raise-layer-norm", "mlir::ModuleOp"> {
  let summary = "recognises layer normalisation that an exporter took apart";
  let description = [{
    Below opset 17 layer normalisation is nine ops. As one op it is one kernel
    that reads its input once.

    Algorithm: from each square root (or power -0.5) of `variance + epsilon`:
    the variance must be the mean over the last dimension of the square of
    `d = x - mean(x)`; a user must divide `d` by the root or multiply it by the
    reciprocal; products with and sums of [N] vectors after that, while they
    have one user, become scale and bias. Narrow floats that are widened in
    between, or for the squares only, stay narrow: the kernel computes in f32.
    A quotient that several vectors scale is a norm for each. The rms_norm of
    `x - mean(x)` is a layer_norm as well.

    Precondition: simplify-idioms. Postcondition: each match is one layer_norm.

    Refuses: `layer-norm.axis` (not the last dimension only),
    `layer-norm.variance-form` (mean(x^2) - mean(x)^2 cancels where the two-pass
    form does not), `layer-norm.mean-of-other` (the mean is another tensor's),
    `layer-norm.no-quotient` (nothing divides x - mean by the root).

    Example:
    ```mlir
    %m = winnow.reduce mean %x [1] {keepdims}
    %d = winnow.sub %x, %m
    %s = winnow.mul %d, %d
    %v = winnow.reduce mean %s [1] {keepdims}
    %e = winnow.add %v, %eps
    %r = winnow.sqrt %e
    %y = winnow.div %d, %r
    // becomes
    %y = winnow.layer_norm %x {epsilon = 1.0e-5 : f32}
    ```
  }];
}

def RaiseRMSNorm : Pass<"winnow-raise-rms-norm", "mlir::ModuleOp"> {
  let summary = "recognises RMS normalisation";
  let description = [{
    Llama's and T5's norm, which only opset 23 has an operator for.

    Algorithm: from each square root (or power -0.5) of `squares + epsilon`: the
    squares must be the mean over the last dimension of `x * x`; a user must
    divide that `x` by the root or multiply it by the reciprocal. A product with
    an [N] vector after that becomes the scale. Where `x` was widened to f32 and
    the quotient rounded back, the op takes the narrow `x`: its kernel computes
    in f32 and rounds once, after the scale.

    Precondition: raise-layer-norm, whose variance is a mean of squares as well.
    Postcondition: each match is one rms_norm.

    Refuses: `rms-norm.axis` (not the last dimension only). A root mean square
    that divides something else is a statistic, and no near miss.

    Example:
    ```mlir
    %s = winnow.mul %x, %x
    %m = winnow.reduce mean %s [1] {keepdims}
    %e = winnow.add %m, %eps
    %r = winnow.sqrt %e
    %d = winnow.div %x, %r
    %y = winnow.mul %d, %weight
    // becomes
    %y = winnow.rms_norm %x scale(%weight) {epsilon = 1.0e-6 : f32}
    ```
  }];
}

def RaiseRotary : Pass<"winnow-raise-rotary", "mlir::ModuleOp"> {
  let summary = "recognises rotary position embeddings";
  let description = [{
    Exporters turn queries and keys by slices, a negation, concats and products
    of the whole tensor: five passes over memory where one is enough.

    Algorithm: two forms are matched, each with pairs that are halves of the last
    dimension or neighbours in it (slices in steps of two and a stack, or a
    reshape to pairs that is taken apart).
      1. `x * cos + rotate(x) * sin`, where `rotate` joins the negated second
         parts with the first ones. The op wants one angle a pair, so that both
         tables are rewritten to half of their last dimension: up through
         elementwise ops, movement and gathers, until a concat of a value with
         itself, a repeat, or a constant whose elements are equal in pairs.
      2. `concat(a * cos - b * sin, b * cos + a * sin)`, which has one angle a
         pair already.
    A concat with the elements after those that are turned (partial rotary) is
    part of the op.

    Precondition: fold-constants, and before simplify-idioms, which moves slices
    away from what they slice. Postcondition: each match is one rotary.

    Refuses: `rotary.angles` (the elements of a pair are not proved to have one
    angle), `rotary.shape` (the angles broadcast what they turn).

    Example:
    ```mlir
    %hi = winnow.slice %x at affine_map<() -> (0, 4)> step [1, 1]
    %lo = winnow.slice %x at affine_map<() -> (0, 0)> step [1, 1]
    %n = winnow.neg %hi
    %r = winnow.concat %n, %lo {axis = 1 : i64}
    %f = winnow.concat %freqs, %freqs {axis = 1 : i64}
    %cos = winnow.cos %f
    %sin = winnow.sin %f
    %a = winnow.mul %x, %cos
    %b = winnow.mul %r, %sin
    %y = winnow.add %a, %b
    // becomes
    %cos = winnow.cos %freqs
    %sin = winnow.sin %freqs
    %y = winnow.rotary %x, %cos, %sin
    ```
  }];
}

def RaiseGelu : Pass<"winnow-raise-gelu", "mlir::ModuleOp"> {
  let summary = "recognises GELU in its erf and tanh forms";
  let description = [{
    Algorithm: from each erf (tanh), find the `x` of which its operand is the
    polynomial `x / sqrt 2` (`sqrt(2/pi) (x + 0.044715 x^3)`), by comparing
    coefficients, so that the order and grouping of products do not matter. Then
    follow the single users from `erf` down through sums and products with
    polynomials in `x`, until they amount to `x / 2 + x / 2 erf`.

    Constants are compared to 1e-4, or to the type's precision where that is
    coarser, since exporters round them. `x * sigmoid(x)` and
    `x * sigmoid(1.702 x)` are left for fuse-linear.

    Precondition: simplify-idioms. Postcondition: each match is one gelu.

    Refuses: `gelu.argument` (the operand is no such polynomial), `gelu.form`
    (the rest is not x / 2 times the sum), both with the numbers.

    Example:
    ```mlir
    %a = winnow.div %x, %sqrt2
    %b = winnow.erf %a
    %c = winnow.add %b, %one
    %d = winnow.mul %x, %c
    %y = winnow.mul %d, %half
    // becomes
    %y = winnow.gelu %x
    ```
  }];
}

def RaiseGroupRational : Pass<"winnow-raise-group-rational", "mlir::ModuleOp"> {
  let summary = "recognises rational functions by groups of channels (KAT)";
  let description = [{
    The activations of Kolmogorov-Arnold transformers (Yang and Wang, arXiv
    2409.10594) are P(x) / Q(x) with coefficients by groups of channels. Exporters
    make 20 to 80 ops of one: powers, stacks of them and matrix products, Horner
    chains, einsums.

    Algorithm: from each quotient (or product with a reciprocal), no pattern but the
    values themselves:
      1. The values that all paths from numerator and denominator go through are tried
         as x, nearest first.
      2. All between x and the quotient is brought to one form: the sum of terms
         `c_i x^i` and `c_i |x| x^(i-1)` and at most one `c |p(x)|`, where the c_i are
         numbers over parts of x's dimensions. Reshapes and transposes move parts;
         concats of powers and the axes of constants are parts over which matmul and
         sums add up.
      3. The denominator tells its kind by its terms: powers of x, powers of |x|, or the
         absolute value of a sum. Coefficients are divided by its constant.
      4. Movement above x is taken back, as far as channels stay the last dimension.
    Where the denominator can be 0 or below, its real roots are found in f64, and the
    report says between which x: `group-rational.pole`.

    Precondition: simplify-idioms. Postcondition: each match is one group_rational.

    Exactness: exact; powers that overflow in the model may not by Horner's rule.

    Refuses: `group-rational.numerator` (has |x|), `group-rational.denominator` (mixes
    powers of x and of |x|, has terms beside its absolute value, a constant in it, a
    constant of 0, or negative coefficients of |x|), `group-rational.layout` (the
    coefficients vary over what is no channel of x). A quotient whose operands are no
    polynomials of one value is no near miss.

    Example:
    ```mlir
    %0 = winnow.mul %x, %b1
    %1 = winnow.abs %0
    %2 = winnow.add %1, %one
    %y = winnow.div %x, %2
    // becomes
    %y = winnow.group_rational %x {rational = #winnow.rational<sum_abs_absx, ...>}
    ```
  }];
}

def RaiseBases : Pass<"winnow-raise-bases", "mlir::ModuleOp"> {
  let summary = "recognises the bases of classic KAN layers";
  let description = [{
    A layer of a Kolmogorov-Arnold network has a function for each pair of an input and
    an output, in a basis: B-splines (pykan, efficient-kan), whose recursion exporters
    unroll to 30 to 60 ops over [.., inputs, knots], or Gaussians (FastKAN). As one op a
    basis is computed in registers, and laid out for the product that follows.

    Algorithm:
      1. Splines: from what a product multiplies by a constant, upwards, as in
         raise-group-rational. Comparisons of x with constants cut its axis into pieces,
         over which coefficients vary as they do over channels; conditions are 0 or 1
         on a piece. So the value is a polynomial on each piece, whatever it was written
         as; guards against NaN are conditions that do not hold. The polynomials must be
         those of B-splines on the pieces' ends, within the rounding of f32.
      2. Gaussians: an exp of a polynomial of degree 2 with no linear part around its
         centers.
      3. Functions of pairs: a sum over inputs of products with constants of [inputs,
         outputs] (scales, masks) is a linear of the bases, with joint weights.
      4. Bases are computed as [.., bases, inputs]; weights that read [inputs, bases] are
         permuted.

    Precondition: simplify-idioms; before fuse-linear.
    Postcondition: each match is one bspline or gaussian_basis.

    Exactness: exact, but for where x is infinite.

    Refuses: `bases.knots` (pieces whose polynomials are no B-splines, or knots that
    repeat), `bases.size` (more knots than are worth code).

    Example:
    ```mlir
    %0 = winnow.sub %x, %centers
    %1 = winnow.mul %0, %0
    %2 = winnow.neg %1
    %y = winnow.exp %2
    // becomes
    %b = winnow.gaussian_basis %x {centers = dense<...>, factor = 1.0 : f32}
    %y = winnow.transpose %b [0, 2, 1]
    ```
  }];
}

def RaiseAttention : Pass<"winnow-raise-attention", "mlir::ModuleOp"> {
  let summary = "recognises attention that an exporter took apart";
  let description = [{
    One attention op can be computed without ever writing the score matrix, and
    tells later passes what is a query, a key, a value and a mask.

    Algorithm, from each softmax whose result (or `where(isnan(p), 0, p)`) is
    the left operand of a matmul:
      1. Walk up from the softmax to the matmul that makes the scores, and
         collect scalar factors, masks that are added, subtracted or selected,
         factors that depend on the key only, and a tanh that caps the scores
         before their masks.
      2. Strip scalar factors off both operands of that matmul.
      3. [N, S, D] operands become [B, H, S, D] where a reshape above them
         tells N = B * H, and otherwise have one head. Dimensions before the
         heads, such as batch and windows, are one batch.
      4. Masks become rank 4 without their broadcasts; several are combined.
      5. Build attention in [B, S, H, D] with transposes around it, which
         simplify-idioms cancels against the exporter's.

    A select with a finite fill c <= -1e4 becomes an additive mask of the lowest
    float: the same where |scores| stays below |c| - 104, also for rows with
    every key masked, which are uniform both ways.

    Precondition: simplify-idioms. Postcondition: each match is one attention.

    Refuses: `attention.softmax-axis`, `attention.probabilities-used` and
    `attention.scores-used` (a second reader needs the matrix anyway),
    `attention.scores` (not of one matmul), `attention.scale` (varies over
    queries), `attention.scale-after-mask`, `attention.softcap` (of masked or
    scaled scores), `attention.bound` (a maximum that is not the lowest float), `attention.rank`,
    `attention.head-size` and `attention.heads` (not static, or not divisible),
    `attention.batch` (broadcast), `attention.mask-shape`, `attention.mask-fill`.

    Example:
    ```mlir
    %s = winnow.matmul %q, %kT
    %t = winnow.mul %s, %scale
    %m = winnow.add %t, %mask
    %p = winnow.softmax %m {axis = 3 : i64}
    %o = winnow.matmul %p, %v
    // becomes
    %o' = winnow.attention %q', %k', %v' mask(%mask) {scale = 1.25e-1 : f32}
    ```
  }];
}

def RaiseCausalMask : Pass<"winnow-raise-causal-mask", "mlir::ModuleOp"> {
  let summary = "recognises the causal part of attention's masks";
  let description = [{
    A mask that hides every key after the query's own position is a flag of
    attention: no matrix of it is computed or read, and the kernel leaves out the
    keys that it hides. What else a mask says, padding, is a row for each
    sequence instead of a matrix.

    Algorithm:
      1. Take the mask apart: sums of masks; selects of 0 (or of a sum) or a low
         number; conjunctions of conditions; through movement.
      2. A condition that compares positions `key <= query + o`, written with
         iota, sizes and constants in any way, or a constant triangle or a slice
         of one, is causality if `o` is 0 or key_length - query_length. With one
         query and a last key that it sees it says nothing.
      3. The other parts are joined again, over the dimensions that they have.

    A finite fill is as good as minus infinity where each query sees a key. Rows
    that padding hides as a whole are uniform over all keys in the model; there
    `causal_lowest` keeps them so. Where causality is the lowest float and added
    to other masks, keys that both hide are minus infinity, and rows of padding
    are uniform over those that one hides: `causal_adds_lowest`.

    Precondition: raise-attention. Postcondition: `causal` is set where each
    match was.

    Refuses: `causal-mask.fill` (rows of hidden keys would show a fill that does
    not absorb scores, or parts have different ones), `causal-mask.added` (a term
    of a finite mask, not the lowest f32, that may be large itself).

    Example:
    ```mlir
    %c = winnow.compare le %key_positions, %query_positions
    %b = winnow.and %c, %padding
    %m = winnow.select %b, %zero, %minus_infinity
    %o = winnow.attention %q, %k, %v mask(%m)
    // becomes
    %m = winnow.select %padding, %zero, %minus_infinity
    %o = winnow.attention %q, %k, %v mask(%m) {causal}
    ```
  }];
}

def RaiseProbSparse : Pass<"winnow-raise-probsparse", "mlir::ModuleOp"> {
  let summary = "recognises ProbSparse attention (Informer)";
  let description = [{
    What Informer's code (arXiv 2012.07436) exports expands the keys to [batch, heads, queries,
    keys, head_dim] before it reads the sampled ones, and turns rows into flat numbers and back,
    60 to 220 ops a layer. As one op it needs no intermediate of queries times keys.

    Algorithm:
      1. The anchor is a topk whose input is `max(S) - sum(S) / c`, S the product of queries with
         sampled keys.
      2. What an element is, is read and not how it was written: its position is followed through
         reshapes, transposes, repetitions, slices, concatenations and gathers back to where
         it is computed, as sums of positions with factors. Flat numbers fall apart into the
         positions that they are made of; constants are evaluated where they are read.
      3. The attention (raise-attention) must read the same queries at the topk's rows, and the
         same keys; what it gives must be scattered to those rows of a mean or a running sum
         of its values.
      4. A mask that is read at those rows becomes one over all of them; one that hides later
         keys becomes `causal`. A scale of the queries becomes the op's.

    Precondition: raise-attention.
    Postcondition: each match is one probsparse_attention; where all queries are kept, its
    canonicaliser makes it attention.

    Exactness: exact, but for an index outside of the keys, which fails the run instead of
    reading those of the next query; a scale before the measure may be applied after, where it
    rounds in another place.

    Refuses: `probsparse.measure` (another product), `probsparse.samples` (keys that are not read
    by a table), `probsparse.attention` (kept rows that are something else), `probsparse.mask`,
    `probsparse.rest` (rows that are neither means nor running sums), `probsparse.rows` (rows that
    are written elsewhere), `probsparse.kept` (a number of rows that is not known, or none),
    `probsparse.type`.

    Example:
    ```mlir
    %values, %top = winnow.topk %measure {axis = 2 : i64, largest}
    %rows = winnow.gather_nd %q, %tuples
    %a = winnow.attention %rows, %k, %v
    %y = winnow.scatter_nd %means, %tuples, %a
    // becomes
    %y = winnow.probsparse_attention %q, %k, %v, %table {kept = 20 : i64, scale = 0.25 : f32}
    ```
  }];
}

def RaiseTopKActivation : Pass<"winnow-raise-topk-activation", "mlir::ModuleOp"> {
  let summary = "recognises activations that keep the k greatest elements of a row";
  let description = [{
    The Top-k Transformer (arXiv 2210.06313) is a sort and nine or fifteen nodes where a
    selection is enough.

    Algorithm: from each topk of the greatest along the last dimension with a known k:
      1. its values, scattered by its indices among zeros, or ones that are scattered so
         and multiplied with its input;
      2. its input, where it is at least the last of the k values (a slice, a gather or the
         minimum of them), as a select between it and zero, or as a product with
         the comparison. What is equal to the last value stays as well.

    Precondition: simplify-idioms. Postcondition: each match is one topk_activation.

    Float semantics: a product with zero gives NaN for infinities, the op gives zero.

    Refuses `topk-activation.base` (values are put back among other numbers than zero),
    `topk-activation.values` (what is put back was changed) and
    `topk-activation.comparison` (the last value itself is not kept).

    Example:
    ```mlir
    %v, %i = winnow.topk %x {axis = 1 : i64, largest}
    %y = winnow.scatter_elements %zeros, %i, %v {axis = 1 : i64}
    // becomes
    %y = winnow.topk_activation %x {k = 16 : i64}
    ```
  }];
}

def FuseLinear : Pass<"winnow-fuse-linear", "mlir::ModuleOp"> {
  let summary = "matmul with a weight, bias, activation and residual in one op";
  let description = [{
    Algorithm: every matmul whose right operand is a constant matrix becomes a
    linear; a transpose of the constant becomes `transpose_weight`. Then, while
    the linear has one user: a sum with a [N] vector is the bias; gelu, relu, its
    square, tanh, sigmoid, group_rational, x * sigmoid(x) or x * sigmoid(1.702 x) the activation; a sum with a value of the
    same type the residual, after which nothing more is absorbed. At last, under
    `norms`, `layer_norm(x + y)` or `rms_norm(x + y)` takes a sum that no linear took, if it has one
    user, and a norm takes the group_rational that is its only user.

    Precondition: the raising passes. Postcondition: no matmul has a constant
    matrix on its right.

    Refuses: `linear.weight-rank` and `linear.weight-not-constant`, for matmuls
    with a right operand of rank 2; `linear.sum-used` and
    `linear.activation-input-used`, where a second user needs the value between.

    Example:
    ```mlir
    %0 = winnow.matmul %x, %w
    %1 = winnow.add %0, %b
    %2 = winnow.gelu %1
    // becomes
    %2 = winnow.linear %x, %w bias(%b) {activation = #winnow<activation gelu>}
    ```
  }];
  let options = [
    Option<"norms", "norms", "bool", "true",
           "let layer_norm take sums that no linear took">];
}

def MergeQKV : Pass<"winnow-merge-qkv", "mlir::ModuleOp"> {
  let summary = "linears of one input become one linear";
  let description = [{
    One product with [K, 3N] reads its input once and has fewer, larger tiles
    than three with [K, N].

    Algorithm: groups the linears of a block by input, activation and
    orientation of the weight; two or more with constant weights and no residual
    become one linear of the concatenated weight (a concat op of constants,
    which the weight packer evaluates while it packs), and slices of its last
    dimension. A missing bias is zeros where another member has one.

    Profitable, and done, when at least two members feed the same attention op
    through reshapes, transposes and slices; other groups are left alone.

    Precondition: fuse-linear. Postcondition: slices of one linear feed the
    attention.

    Refuses: `merge-qkv.residual`, `merge-qkv.weight` (not constant),
    `merge-qkv.attributes`.

    Example:
    ```mlir
    %q = winnow.linear %x, %wq
    %k = winnow.linear %x, %wk
    // becomes
    %w = winnow.concat %wq, %wk {axis = 1 : i64}
    %qk = winnow.linear %x, %w
    %q = winnow.slice %qk at affine_map<() -> (0, 0)> step [1, 1]
    %k = winnow.slice %qk at affine_map<() -> (0, 64)> step [1, 1]
    ```
  }];
}

def GroupFunctions : Pass<"winnow-group-functions", "mlir::ModuleOp"> {
  let summary = "shares the functions of classic KAN layers";
  let description = [{
    A KAN layer has a function for each pair of an input and an output. Where those of an
    input agree but for a factor, one evaluation serves all outputs, and the product with
    [inputs * bases, outputs] becomes one with [inputs, outputs].

    Algorithm, for each linear of bases:
      1. For each input the function is found that is closest to those of all outputs:
         the first singular vector of their coefficients. How far a coefficient is from
         it, over the largest of the layer, is the error; as bases add up to 1 at most
         (Gaussians: to about 2), functions differ by no more.
      2. If no error is greater than `bound`, the bases become functions by
         `coefficients`, and the weight the factors. Inputs whose functions agree within
         the bound share one.
      3. Under `fit`, each function is fitted by a safe Pade form of degree 5/4 (Molina et
         al., arXiv 1907.06732) between its inner knots, by Levenberg and Marquardt's
         method, as are functions that were grouped before. The greatest error, measured
         at 1001 other points, over the function's size decides. Beyond the knots splines fall to 0 and rational functions do not.

    Precondition: fuse-linear. Postcondition: types at function borders are unchanged.

    Exactness: exact with a bound of 0, which allows for the rounding of f32;
    approximate with a larger one, and with `fit`: then it changes no site that is exact,
    and is used by name or under a budget, see docs/accuracy.md.

    Refuses: `group-functions.differ` (the functions of an input differ, with the
    numbers), `group-functions.fit` (rational functions are too far, with the numbers),
    `group-functions.size` (too many coefficients to search).

    Example:
    ```mlir
    %0 = winnow.gaussian_basis %x {centers = dense<[[0.0, 1.0]]> : tensor<1x2xf32>}
    %1 = winnow.reshape %0
    %2 = winnow.linear %1, %w
    // becomes
    %0 = winnow.gaussian_basis %x {coefficients = dense<[[0.5, 1.0]]> : tensor<1x2xf32>}
    %2 = winnow.linear %0, %factors
    ```
  }];
  let options = [
    Option<"bound", "bound", "double", "0",
           "greatest difference of a coefficient, as a share of the largest">,
    Option<"fit", "fit", "double", "0",
           "greatest error of rational functions, as a share of a function's size; 0 fits none">,
    ListOption<"skip", "skip", "unsigned", "the numbers of approximate sites to leave as they are">];
}

def RemovePadding : Pass<"winnow-remove-padding", "mlir::ModuleOp"> {
  let summary = "computes on the valid tokens of a padded batch only";
  let description = [{
    A batch of sequences of different lengths is padded to the longest, and dense
    execution computes all of it. Here valid tokens lie one after the other, as in
    ByteTransformer (Zhai et al., arXiv 2210.03052).

    Algorithm:
      1. The mask of an attention op is taken apart. What hides keys by a value for
         each position of each sequence, whatever it is made of, tells the valid
         tokens: a space. Masks that are made from one value are one space.
      2. Dataflow from there: what is computed token by token from the result of
         attention is defined at valid tokens only, until a product with the mask
         or a select by it. An op that lets padded tokens be seen (a mean over the
         sequence without the mask, a convolution) keeps the padding.
      3. Token-wise ops run on [tokens, ...], also those before the first attention
         whose results only they read. Where all that the mask says is padding,
         attention runs by sequences, without it.
      4. Values are packed by a gather of rows and unpacked by another; function
         outputs are 0 at padded positions. A first token that something reads
         (a pooler) is kept where it is padding.

    Precondition: the raising passes. Postcondition: the function has the same
    arguments and results, and a data symbol for the tokens of each space. A mask
    of numbers which is used as a factor is checked to hold zeros and ones at run
    time.

    With `packed-entry` the module gets a second entry, the form "packed" of the
    first: what is [batch, sequence, ...] in its arguments and results is
    [tokens, ...] there, and `cu_seqlens`, [batch + 1] of i32, takes the place of
    the mask. An op that would let padded positions of an input be seen is why
    there is none (`remove-padding.no-packed-entry`).

    Exactness: defined. Valid positions are the same up to rounding, padded ones
    are 0.

    Refuses, for a space, `remove-padding.mixes-tokens`, `remove-padding.mixed` (two
    spaces), `remove-padding.attention-mask` (another attention does not hide the
    same keys), `remove-padding.queries`, `remove-padding.output`,
    `remove-padding.control-flow`, `remove-padding.first-token`,
    `remove-padding.nothing` (no op could be packed), `remove-padding.no-gain` (what
    could is estimated to be worth less than packing it, unless more than a quarter
    of a batch is padding); for an attention op
    `remove-padding.attention-stays` and `remove-padding.mask` (which tells no valid
    tokens).

    Example:
    ```mlir
    %m = winnow.select %padding, %zero, %lowest
    %o = winnow.attention %q, %k, %v mask(%m)
    // becomes
    %o = winnow.attention %q', %k', %v' query_offsets(%offsets) key_offsets(%offsets) key_lengths(%lengths)
    ```
  }];
  let options = [Option<"packedEntry", "packed-entry", "bool", "false",
                        "add an entry that takes packed sequences">];
}

def ReadRows : Pass<"winnow-read-rows", "mlir::ModuleOp"> {
  let summary = "reads rows where they are, not from a copy in another order";
  let description = [{
    Windows (Swin), rolls, patches that are merged, shuffled tokens (Token-Shuffle,
    arXiv 2504.17789) and packed tokens are put in order by ops that move rows of
    features, or pieces of them, as a whole.

    Algorithm: from a value that linears and norms read as input or residual, upwards
    through reshapes, transposes, slices, concats and gathers that leave features
    together, to the one value that they all move. Its pieces are the longest runs of
    features that no op takes apart. What is done to pieces is done to their numbers,
    and the value becomes a gather by these, which the kernels of the readers take in.
    Where each image of a batch is moved by itself, the numbers within one are a
    constant. Movements that come out as the value itself are dropped. A linear or norm
    whose rows are moved before something else reads them computes them in that order
    instead, from moved operands. A linear whose rows are taken to pieces then is
    gathered from by numbers that are a permutation, which its kernel writes by.

    Precondition: none. Postcondition: the same numbers, in the same order.

    Exactness: exact.

    Refuses without a report, because values are then read as before: pieces of fewer
    than 8 features, which are as quick to copy as to name; of a number that is no
    multiple of 16, for what reads vectors of several pieces; several sources;
    constants; readers that cannot read by number.

    Example:
    ```mlir
    %t = winnow.transpose %x [0, 2, 1, 3] : (tensor<2x4x8x64xf32>) -> tensor<2x8x4x64xf32>
    %y = winnow.linear %t, %w
    // becomes
    %g = winnow.gather %flat_x, %numbers {axis = 0 : i64, in_bounds}
    %t = winnow.reshape %g
    %y = winnow.linear %t, %w
    ```
  }];
}

def UseProbSparse : Pass<"winnow-use-probsparse", "mlir::ModuleOp"> {
  let summary = "ProbSparse attention in the place of dense self-attention";
  let description = [{
    Algorithm: attention of L queries and L keys becomes probsparse_attention with
    `factor * ceil(ln L)` samples and as many kept queries (arXiv 2012.07436), if a cost model
    says that it is faster. The table holds one row for each query, drawn once: number n in
    row-major order is the product of word 0 of Philox4x32-10 (docs/random.md) of key
    (`seed`, site) and counter n with L, divided by 2^32.

    Rows that are not kept are the mean of all values: what a uniform softmax would give.

    Exactness: approximate. Used by name or under a budget, see docs/accuracy.md.

    Refuses `use-probsparse.length` (a length that is a symbol), `use-probsparse.slower` (the cost
    model), `use-probsparse.causal` (what a query is kept for would depend on later tokens),
    `use-probsparse.form` (masks, grouped heads, packed tokens, fewer queries than keys).

    Example:
    ```mlir
    %y = winnow.attention %q, %k, %v {scale = 0.125 : f32}
    // becomes
    %y = winnow.probsparse_attention %q, %k, %v, %table {kept = 35 : i64, scale = 0.125 : f32}
    ```
  }];
  let options = [
    Option<"factor", "factor", "int64_t", "5", "what ceil(ln L) is multiplied by">,
    Option<"seed", "seed", "uint64_t", "0", "of the tables">,
    ListOption<"skip", "skip", "unsigned", "the numbers of sites to leave as they are">];
}

def ExploitSparsity : Pass<"winnow-exploit-sparsity", "mlir::ModuleOp"> {
  let summary = "lets linear layers leave out what zeros make needless";
  let description = [{
    In feed-forward layers with ReLU a few percent of the hidden units fire (the Lazy
    Neuron Phenomenon, arXiv 2210.06313). What the others would be multiplied with
    has no effect.

    Algorithm: a linear whose input comes from ReLU, squared ReLU, a top-k activation
    or a select with zero, by itself or as a factor, becomes a sparse_linear. So does a
    linear that is multiplied by such a value only (ReGLU, dReLU): the value becomes
    its gate. Whether a block of rows has enough zeros is found out in each run, see
    docs/sparsity.md.

    Precondition: fuse-linear. Postcondition: the same numbers, to rounding.

    Exactness: exact.

    Refuses `exploit-sparsity.not-finite` (an infinite weight makes NaN of zero),
    `exploit-sparsity.weight-not-constant`, `exploit-sparsity.rows` (rows that are read
    by number), `exploit-sparsity.rational` (the layer ends in a group_rational) and
    `exploit-sparsity.no-gain` (too few outputs).

    Example:
    ```mlir
    %h = winnow.linear %x, %w1 {activation = #winnow<activation relu>}
    %y = winnow.linear %h, %w2
    // becomes
    %h = winnow.linear %x, %w1 {activation = #winnow<activation relu>}
    %y = winnow.sparse_linear %h, %w2
    ```
  }];
}

def TopKActivations : Pass<"winnow-topk-activation", "mlir::ModuleOp"> {
  let summary = "keeps the greatest hidden units of feed-forward layers, and leaves out the others";
  let description = [{
    A model that was trained with ReLU or GELU, made a Top-k Transformer (arXiv
    2210.06313): of the units that a linear with an activation gives, the `k` greatest of each
    token stay. With `statistical` those stay that lie so far above the mean of
    their token before the activation that of normal ones as many would: a threshold, no
    selection (Spark Transformer, arXiv 2506.06644, without its soft threshold).

    Algorithm: a linear with an activation whose result is read by one linear only, by itself or
    as a factor (GEGLU, SwiGLU), gets a topk_activation, or a select, behind it.
    exploit-sparsity then leaves out what the zeros make needless.

    Exactness: approximate. Used by name or under a budget, see docs/accuracy.md.

    Refuses `topk-activation.few-units` (no more units than are kept, or a number of them
    that is a symbol).

    Example:
    ```mlir
    %h = winnow.linear %x, %w1 {activation = #winnow<activation gelu>}
    %y = winnow.linear %h, %w2
    // becomes
    %h = winnow.linear %x, %w1 {activation = #winnow<activation gelu>}
    %k = winnow.topk_activation %h {k = 307 : i64}
    %y = winnow.linear %k, %w2
    ```
  }];
  let options = [
    Option<"k", "k", "int64_t", "0", "how many units stay; 0: a share of them">,
    Option<"share", "share", "double", "0.1", "the share of units that stay">,
    Option<"statistical", "statistical", "bool", "false", "by mean and deviation, not by a selection">,
    ListOption<"skip", "skip", "unsigned", "the numbers of sites to leave as they are">];
}

def ExposeActivations : Pass<"winnow-expose-activations", "mlir::ModuleOp"> {
  let summary = "makes outputs of what hidden layers sum up before their activation";
  let description = [{
    For measuring: the model gives, in the place of its outputs, `winnow.sums.K` for each
    hidden layer K whose units a predictor can find: a linear with ReLU or squared ReLU, no residual
    and a constant weight of f32, in the entry's block, whose result a linear reads, by itself or
    as a factor.

    Example:
    ```mlir
    %h = winnow.linear %x, %w1 {activation = #winnow<activation relu>}
    %y = winnow.linear %h, %w2
    return %y
    // becomes
    %s = winnow.linear %x, %w1
    return %s
    ```
  }];
}

def ExposeMoments : Pass<"winnow-expose-moments", "mlir::ModuleOp"> {
  let summary = "makes outputs of how the inputs of linears vary together";
  let description = [{
    For measuring: the model gives, in the place of its outputs, `winnow.moments.K` for each site K that
    is a linear of f32 with a constant weight and at most 4096 inputs: the sum of x x^T over all rows.

    Example:
    ```mlir
    %y = winnow.linear %x, %w : (tensor<2x3x8xf32>, tensor<8x16xf32>) -> tensor<2x3x16xf32>
    return %y
    // becomes
    %r = winnow.reshape %x : (tensor<2x3x8xf32>) -> tensor<6x8xf32>
    %t = winnow.transpose %r [1, 0] : (tensor<6x8xf32>) -> tensor<8x6xf32>
    %m = winnow.matmul %t, %r : (tensor<8x6xf32>, tensor<6x8xf32>) -> tensor<8x8xf32>
    return %m
    ```
  }];
}

def FitPredictors : Pass<"winnow-fit-predictors", "mlir::ModuleOp"> {
  let summary = "fits a product of low rank that says which hidden units fire";
  let description = [{
    Turns `winnow.observed` of a hidden layer, rows of its sums on calibration data, into
    `winnow.predictor` for winnow-predict-activation (winnow/Dialect/Winnow/Transforms/Predictors.h).

    Algorithm: with the directions V along which the sums of the rows that fit vary most, found
    by subspace iteration, and their mean m, `(x W + b - m) V V^T + m` is the product of that rank
    which is nearest to the sums on these rows (reduced-rank regression): (x (W V)) V^T + c. A
    unit counts as firing where that is above -t times the deviation of what the unit's sums
    differ by; t is the least with which the share `recall` of what fires on rows that did not fit is
    found. Of ranks that are powers of two the one is taken that is cheapest by the cost model: the
    product itself and the columns that are computed, as `SparseLimits` says how long they
    take for as many rows as a run of the data has. How much is found is measured on other rows again.

    Refuses `predict-activation.no-gain`, `predict-activation.few-rows`, `predict-activation.silent`
    (no unit fires) and `predict-activation.not-observed`.
  }];
  let options = [Option<"recall", "recall", "double", "0.99", "the share of what fires to be found">];
}

def PredictActivation : Pass<"winnow-predict-activation", "mlir::ModuleOp"> {
  let summary = "computes hidden units only where a product of low rank says that they fire";
  let description = [{
    Deja Vu (arXiv 2310.17157) and others predict which units of a ReLU layer fire, so that the first
    matrix of a feed-forward layer need not be read as a whole either. Here the predictor is no
    network that is trained, but what winnow-fit-predictors left.

    Algorithm: a linear with `winnow.predictor` is multiplied by 1 where the predictor says that
    a unit fires, and by 0 elsewhere. exploit-sparsity makes that the gate of the layer, and of the
    layers behind it. Units that fire are computed exactly; what changes is that some are missed.

    Exactness: approximate. Used by name or under a budget, see docs/accuracy.md.

    Example:
    ```mlir
    %h = winnow.linear %x, %w1 {activation = #winnow<activation relu>, winnow.predictor = ...}
    // becomes
    %t = winnow.linear %x, %a
    %s = winnow.linear %t, %v bias(%c)
    %f = winnow.compare gt %s, %zero
    %g = winnow.select %f, %one, %zero
    %d = winnow.linear %x, %w1 {activation = #winnow<activation relu>}
    %h = winnow.mul %g, %d
    ```
  }];
  let options = [
    ListOption<"skip", "skip", "unsigned", "the numbers of sites to leave as they are">];
}

def SplitGatedLinear : Pass<"winnow-split-gated-linear", "mlir::ModuleOp"> {
  let summary = "takes a joint projection to gate and up apart where the gate has zeros";
  let description = [{
    Some implementations project to the gate and to what it is multiplied with by one matrix, and
    cut the result. Where the gate ends in ReLU, outputs that meet a zero need not be computed,
    which two layers can make use of (exploit-sparsity).

    Algorithm: a linear that does nothing but sum, whose readers are slices along the last
    dimension, of which one goes to ReLU and, behind it, is a factor beside another one, becomes
    one linear for each slice. Slices of the constant weight are made when the model is compiled.

    Precondition: fuse-linear. Exactness: exact.

    Refuses `split-gated-linear.weight-not-constant` and `split-gated-linear.whole-used` (something else
    reads the joint result).

    Example:
    ```mlir
    %h = winnow.linear %x, %w : (tensor<4x8xf32>, tensor<8x32xf32>) -> tensor<4x32xf32>
    %a = winnow.slice %h at affine_map<() -> (0, 0)> step [1, 1] : (tensor<4x32xf32>) -> tensor<4x16xf32>
    %b = winnow.slice %h at affine_map<() -> (0, 16)> step [1, 1] : (tensor<4x32xf32>) -> tensor<4x16xf32>
    %g = winnow.relu %a
    %y = winnow.mul %g, %b
    // becomes
    %a = winnow.linear %x, %left
    %b = winnow.linear %x, %right
    %g = winnow.relu %a
    %y = winnow.mul %g, %b
    ```
  }];
}

def RaiseQuantizedLinear : Pass<"winnow-raise-quantized-linear", "mlir::ModuleOp"> {
  let summary = "recognises products whose operands, or whose weight, are integers of 4 or 8 bits";
  let description = [{
    Quantised models say so in several ways: a product of two tensors that DequantizeLinear
    made, MatMulInteger or QLinearMatMul, or 8-bit weights with Cast and Mul; and all of them with
    movement between.

    Algorithm: each operand of a matmul is followed to bytes, through reshapes and transposes, one
    subtraction of a zero and one product with a scale. The matmul becomes a quantized_linear with
    the scale of both, or, of 32-bit sums, the one that they are multiplied by after their
    conversion to floats. fuse-linear then takes bias, activation and residual in.
    Two operands that are computed, or have more dimensions, become a quantized_matmul.
    An input that is no integer, or stands beside a weight of 4 bits or in blocks, stays floats:
    the weight stays integers in memory then (`quantized-linear.weight-raised`).
    It runs before constants are folded, while weights are bytes.

    Float semantics: the sum of integers is exact and is rounded once; the floats that
    DequantizeLinear gives would be summed with rounding.

    Refuses `quantized-matmul.one-side` (the left operand of a variable right one is no integer),
    `quantized-matmul.vector`, `quantized-matmul.parameters` (more than one scale or zero of an operand, or other
    widths), `quantized-matmul.scales`, `quantized-linear.input-not-integers` (a
    weight of integers and an input of other elements than floats of 32 bits), `quantized-linear.scales`,
    `quantized-linear.input-scale`, `quantized-linear.weight-scale` (not one for each column or
    block) and `quantized-linear.sum-used`.
  }];
}

def ChoosePrecision : Pass<"winnow-quantize", "mlir::ModuleOp"> {
  let summary = "gives the weights of all linear layers one width";
  let description = [{
    Sets `winnow.bits` of each linear with a constant weight; winnow-quantize-linears acts on it.
    Of `bits` below 8 the weight's numbers are fewer; they are computed as those of 8.

    Exactness: approximate. Used by name or under a budget, see docs/accuracy.md.

    Refuses `quantize.not-possible` (with the reason: another element type, a weight that is
    computed, an activation with coefficients, or rows that are too long for sums of 32 bits).

    Example:
    ```mlir
    %y = winnow.linear %x, %w
    // becomes
    %y = winnow.linear %x, %w {winnow.bits = 8 : i64}
    ```
  }];
  let options = [
    Option<"bits", "bits", "int64_t", "8", "the width of the weights, from 2 to 8">,
    ListOption<"skip", "skip", "unsigned", "the numbers of sites to leave as they are">];
}

def QuantizeLinears : Pass<"winnow-quantize-linears", "mlir::ModuleOp"> {
  let summary = "computes linear layers in integers where a width was chosen for them";
  let description = [{
    A linear with `winnow.bits` from 2 to 8 becomes a quantized_linear. The weight's columns are
    quantised when the model is compiled, symmetrically, as winnow/Support/RoundWeights.h says; the
    input's rows when it runs, each by its range (quantize_rows). Other widths stay floats.
    With `winnow.input_maxima` channels of the input are scaled before, and their weights in return, by
    powers of two (SmoothQuant, arXiv 2211.10438; of the output of a norm this is the rescaling of
    RepQ-ViT, arXiv 2212.08254). With `winnow.input_means` the error that rounded weights make of
    them is taken from the bias. With `winnow.input_moments` an output's weights are rounded one after the
    other, and make up for what others lose (GPTQ, arXiv 2210.17323; winnow/Support/InputMoments.h).
    It runs late, so that all other passes see linear layers.

    Exactness: it does what was chosen by name or under a budget before.

    Refuses `quantize.bits` (another width) and `quantize.not-possible`, as winnow-quantize.

    Example:
    ```mlir
    %y = winnow.linear %x, %w {winnow.bits = 8 : i64} : (tensor<4x8xf32>, tensor<8x16xf32>) -> tensor<4x16xf32>
    // becomes
    %values, %scale, %zero = winnow.quantize_rows %x : (tensor<4x8xf32>) -> (tensor<4x8xui8>, tensor<4x1xf32>, tensor<4x1xui8>)
    %y = winnow.quantized_linear %values, %q scale(%s) zero(%zero) row_scale(%scale) : (tensor<4x8xui8>, tensor<8x16xi8>, tensor<16xf32>, tensor<4x1xui8>, tensor<4x1xf32>) -> tensor<4x16xf32>
    ```
  }];
}

def MergeTokens : Pass<"winnow-merge-tokens", "mlir::ModuleOp"> {
  let summary = "computes feed-forward layers on averages of neighbouring tokens";
  let description = [{
    The windows of Token-Shuffle (arXiv 2504.17789) without its training: in
    place of a trained compression a window's tokens are averaged, and all of them
    get what the layer gives for their average, beside the residual of their own.

    Algorithm: `y = second(activation(first(x)))` of x [batch, tokens, features],
    where the first result is read by the second layer only, becomes
    `repeat(second(activation(first(mean(x)))))`. With a square of tokens, behind
    up to two others (a class token, a distillation token), windows are squares
    of `window` times `window`; in other sequences, runs of as many tokens, and
    what is left over at the front stays as it is.

    Exactness: approximate. Used by name or under a budget, see docs/accuracy.md.

    Refuses `merge-tokens.unknown-count` (tokens that are a symbol) and
    `merge-tokens.few-tokens`.

    Example:
    ```mlir
    %h = winnow.linear %x, %w1 {activation = #winnow<activation gelu>}
    %y = winnow.linear %h, %w2 residual(%r)
    // becomes
    %m = winnow.reduce mean %windows [2]
    %h = winnow.linear %m, %w1 {activation = #winnow<activation gelu>}
    %s = winnow.linear %h, %w2
    %y = winnow.add %repeated, %r
    ```
  }];
  let options = [
    Option<"window", "window", "int64_t", "2", "the side of a window, in tokens">,
    ListOption<"skip", "skip", "unsigned", "the numbers of sites to leave as they are">];
}

def PropagateRelevance : Pass<"winnow-propagate-relevance", "mlir::ModuleOp"> {
  let summary = "makes of a model the one that computes the relevance of its layers";
  let description = [{
    Layer-wise relevance propagation: how much of a result each value carries, found by a walk
    from the result back to the inputs on what the model computed. The model then gives, in
    the place of its outputs,

    - `winnow.relevance`: the sum of the relevance that enters at the output, the sum of what
      leaves at inputs and tables, and for each site the sums of |R| at its input and output;
    - `winnow.relevance.INPUT`: the relevance of each input of floats;
    - `winnow.activation.SITE.PART`: what each site reads, for ranges.

    `winnow.precision_sites` lists the sites: linears and matrix products with constant
    weights, and attentions. Rules (docs/precision.md): linears by alpha = 1, beta = 0, an
    image's patches by z^B, products of activations halved, residual sums rescaled, movement
    moves relevance, activations, softmax and norms pass it on.

    Precondition: raised, before anything leaves out work. Refuses ops without a rule.

    Example:
    ```mlir
    return %logits
    // becomes
    %relevance = winnow.concat %entering, %leaving, %in0, %out0
    return %relevance, %x0
    ```
  }];
  let options = [
    Option<"output", "output", "std::string", "\"\"", "where to begin; empty: the first of floats">,
    Option<"start", "start", "std::string", "\"auto\"",
           "logit: 1 at each row's greatest element; value: the value itself; auto: logit where "
           "the output looks like scores of classes">,
    Option<"activations", "activations", "bool", "true", "whether sites' inputs are given">];
}

def AssignPrecision : Pass<"winnow-assign-precision", "mlir::ModuleOp"> {
  let summary = "gives each linear layer as many bits as it needs, under a budget";
  let description = [{
    Sets `winnow.bits` of linear layers by what `winnow calibrate` found out about them.

    Algorithm: a multiple-choice knapsack over the widths of each site, by dynamic programming
    over sizes: the sum of losses is the least that the budget allows. The loss of a site at b
    bits is its relevance times 4^-b (by=relevance), the square of the error that was measured
    with only this site at b bits (by=sensitivity), or that times its relevance (by=both); of
    floats it is 0. The budget is bits a weight (without scales), bytes (with them), latency (a
    share of what floats take by a simple model of arithmetic and memory; rows whose number is
    not known count as 128), or loss (a relative L2 error; then the bytes are the fewest). Of equal
    choices the first of the first site is taken. A site's pin goes before everything.

    Exactness: approximate. Used by name or under a budget, see docs/accuracy.md.

    Refuses `assign-precision.not-calibrated` and `assign-precision.not-linear`.

    Example:
    ```mlir
    %y = winnow.linear %x, %w
    // becomes
    %y = winnow.linear %x, %w {winnow.bits = 4 : i64}
    ```
  }];
  let options = [
    Option<"calibration", "calibration", "std::string", "\"\"", "the file of winnow calibrate">,
    Option<"by", "by", "std::string", "\"sensitivity\"", "relevance, sensitivity or both">,
    Option<"budgetKind", "budget-kind", "std::string", "\"bits\"", "bits, bytes, latency or loss">,
    Option<"budget", "budget", "double", "8.0", "how much of it">,
    ListOption<"widths", "widths", "int64_t", "4, 6, 8, 16 or 32">,
    ListOption<"skip", "skip", "unsigned", "the numbers of sites to leave as they are">];
}

def ExposeWeights : Pass<"winnow-expose-weights", "mlir::ModuleOp"> {
  let summary = "makes inputs of the weights and the precision of each site";
  let description = [{
    For measuring: one compiled model that runs with whatever weights it is given. The weight of
    site K becomes the input `winnow.weight.K`, and what the site reads, divided by `winnow.factors.K`,
    is rounded to `winnow.levels[K]` steps of its row's range, as quantize_rows does, or left as it
    is where that is 0. `winnow.shift.K` is added to what it computes.

    Example:
    ```mlir
    %y = winnow.linear %x, %w
    // becomes
    %q = winnow.select %rounds, %rounded, %divided
    %x2 = winnow.mul %q, %factors
    %y = winnow.linear %x2, %arg bias(%shift)
    ```
  }];
}

def DropBias : Pass<"winnow-drop-bias", "mlir::ModuleOp"> {
  let summary = "forgets the bias of the first linear: a wrong pass, for tests of --verify";
}

def CountSites : Pass<"winnow-count-sites", "mlir::ModuleOp"> {
  let summary = "says in the report how many sites of each kind the model has";
  let description = [{
    The raising passes report what they found; an exporter may also have written
    the op itself. This counts what the model is made of after them: attention
    (causal, with a mask, with heads shared by groups), norms, rotary embeddings,
    activations, bases of KAN layers and linears, each with a code `sites.KIND`. Changes nothing.

    Example: `sites.attention`: `12 attention, 12 causal, 12 grouped`
  }];
}

def VerifyModelContract : Pass<"winnow-verify-model-contract", "mlir::ModuleOp"> {
  let summary = "checks what every stage before Conversion may rely on";
  let description = [{
    The contract at the borders after Import and after the transforms: one entry
    function of one block, only ops of the winnow dialect (kernels are
    Conversion's), and ranked tensors whose dimensions are static or expressions
    over the entry's symbols.
  }];
}

#endif // WINNOW_TRANSFORMS_PASSES_TD
