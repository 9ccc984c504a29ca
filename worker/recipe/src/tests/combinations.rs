//! Settings that are fine alone and not together: each rule with its message, and beside it what is fine.

use super::tree;
use crate::{Recipe, RecipeError};

/// Recipes and the beginning of what is said of each.
const REFUSED: &[(&str, &str)] = &[
    (r#"{"prior":{"train":"zero"}}"#, "`prior.train` and `prior.validation` do not go together: the layer is there or"),
    (r#"{"prior":{"validation":"zero"},"trainer":"synthetic"}"#, "`prior.train` and `prior.validation` do not go"),
    // data: of some sources only
    (r#"{"data":{"noise":5}}"#, "`data.noise` and `data.source` do not go together: only `imagenette` and"),
    (r#"{"data":{"ids":"folder"}}"#, "`data.ids` and `data.source` do not go together: only `multi-label`"),
    (r#"{"data":{"label_count":5}}"#, "`data.label_count` and `data.source` do not go together: the source says"),
    (r#"{"data":{"synthetic_images":[10,10]}}"#, "`data.synthetic_images` and `data.source` do not go together"),
    (r#"{"data":{"exact":true}}"#, "`data.exact` and `data.cache_size` and `data.source` do not go together"),
    (r#"{"data":{"cache_size":64}}"#, "`data.exact` and `data.cache_size` and `data.source` do not go together"),
    (
        r#"{"data":{"classes":[3,10]}}"#,
        "`data.classes` and `data.source` do not go together: the source has the labels 0 to 9, and no 10",
    ),
    (
        r#"{"loss":{"class_weights":[1,2]}}"#,
        "`loss.class_weights` and `data.classes` and `data.source` do not go together: there are 10 classes and 2 weights",
    ),
    (
        r#"{"data":{"classes":[3,7]},"loss":{"class_weights":[1]}}"#,
        "`loss.class_weights` and `data.classes` and `data.source` do not go together: there are 2 classes",
    ),
    // data: division
    (r#"{"data":{"train_rows":[1]}}"#, "`data.train_rows` and `data.validation_rows` and `data.source` do not go"),
    (
        r#"{"data":{"source":"multi-label","train_rows":[1,2],"validation_rows":[2]},"loss":{"kind":"bce"}}"#,
        "`data.train_rows` and `data.validation_rows` do not go together: a row would train and validate",
    ),
    (r#"{"data":{"validation_share":0.5}}"#, "`data.validation_share` and `data.source` do not go together"),
    (
        r#"{"data":{"source":"multi-label","tiny":true},"loss":{"kind":"bce"}}"#,
        "`data.source` and `data.unbalance` and `data.tiny`",
    ),
    (
        r#"{"data":{"source":"multi-label","classes":[1,2]},"loss":{"kind":"bce"}}"#,
        "`data.source` and `data.unbalance` and `data.tiny`",
    ),
    (r#"{"data":{"train_limit":100}}"#, "`batch_size` and `data.train_limit` do not go together: a batch is larger"),
    (
        r#"{"batch_size":161,"data":{"tiny":true}}"#,
        "`batch_size` and `data.tiny` do not go together: a batch is larger",
    ),
    (
        r#"{"data":{"source":"synthetic","synthetic_images":[100,10]}}"#,
        "`batch_size` and `data.synthetic_images` do not go",
    ),
    // input
    (r#"{"data":{"channels":2}}"#, "`data.channels` and `data.source` do not go together: the images are grey"),
    (
        r#"{"data":{"source":"cifar10","channels":1}}"#,
        "`data.channels` and `data.source` do not go together: the images",
    ),
    (
        r#"{"data":{"source":"folder","channels":4}}"#,
        "`data.channels` and `data.source` do not go together: photographs",
    ),
    (
        r#"{"data":{"source":"multi-label","channels":1},"loss":{"kind":"bce"}}"#,
        "`data.channels` and `data.source` do not go together: `multi-label`",
    ),
    (r#"{"data":{"normalize":{"kind":"given"}}}"#, "`data.normalize.kind` and `data.normalize.mean` and"),
    (
        r#"{"data":{"normalize":{"mean":[0.5],"deviation":[0.5]}}}"#,
        "`data.normalize.kind` and `data.normalize.mean` and",
    ),
    (
        r#"{"data":{"normalize":{"kind":"given","mean":[0.5,0.5],"deviation":[0.5,0.5]}}}"#,
        "`data.normalize.kind` and `data.normalize.mean` and `data.normalize.deviation` do not go together: `given`",
    ),
    // augment
    (
        r#"{"augment":{"resize":{"min_scale":0.9,"max_scale":0.5}}}"#,
        "`augment.resize.min_scale` and `augment.resize.max_scale`",
    ),
    (r#"{"augment":{"resize":{"evaluation_size":27}}}"#, "`augment.resize.evaluation_size` and `data.size` do not go"),
    (r#"{"data":{"source":"imagenette","cache_size":100}}"#, "`data.cache_size` and `data.size` do not go together"),
    (
        r#"{"data":{"source":"imagenette","cache_size":160,"exact":true}}"#,
        "`data.cache_size` and `data.exact` and `augment.resize.kind` do not go together",
    ),
    (r#"{"augment":{"translate":28}}"#, "`augment.translate` and `data.size` do not go together: an image cannot"),
    (r#"{"data":{"source":"cifar10"},"augment":{"translate":32}}"#, "`augment.translate` and `data.size` do not go"),
    (
        r#"{"augment":{"mixup":{"alpha":0.4}},"loss":{"rectification":{"enabled":true}}}"#,
        "`augment.mixup.alpha` and `loss.rectification.enabled` do not go together",
    ),
    // model
    (
        r#"{"model":{"activation":"mish"}}"#,
        "`model.activation` and `model.arch` do not go together: `small-cnn` has no",
    ),
    (r#"{"model":{"pool":"max","arch":"plain-cnn"}}"#, "`model.pool` and `model.arch` do not go together: `plain-cnn`"),
    (r#"{"model":{"stem":"32-64-64"}}"#, "`model.stem` and `model.arch` do not go together"),
    (r#"{"model":{"self_attention":true}}"#, "`model.self_attention` and `model.arch` do not go together"),
    (r#"{"model":{"arch":"xresnet18","symmetric":true}}"#, "`model.symmetric` and `model.self_attention` do not go"),
    (
        r#"{"model":{"arch":"simple-cnn"},"loss":{"rectification":{"enabled":true,"mining":"instance"}}}"#,
        "`model.arch` and `loss.rectification.mining` do not go together: `simple-cnn` has no last linear layer",
    ),
    // optimizer and schedule
    (
        r#"{"optimizer":{"softplus":50}}"#,
        "`optimizer.softplus` and `optimizer.eps_mode` and `optimizer.kind` do not go",
    ),
    (r#"{"optimizer":{"eps_mode":"raw","kind":"sgd"}}"#, "`optimizer.softplus` and `optimizer.eps_mode` and"),
    (r#"{"optimizer":{"momentum":0.9}}"#, "`optimizer.momentum` and `optimizer.kind` do not go together: only `sgd`"),
    (
        r#"{"schedule":{"kind":"finder"},"share_training":true}"#,
        "`schedule.kind` and `share_training` and `checkpoint.every`",
    ),
    (r#"{"schedule":{"kind":"finder"},"checkpoint":{"every":1}}"#, "`schedule.kind` and `share_training` and"),
    // loss
    (r#"{"loss":{"kind":"bce"}}"#, "`loss.kind` and `data.source` do not go together: several labels per sample"),
    (r#"{"data":{"source":"multi-label"}}"#, "`loss.kind` and `data.source` do not go together: several labels"),
    (
        r#"{"data":{"source":"multi-label"},"loss":{"kind":"bce","smoothing":{"eps":0.1}}}"#,
        "`loss.smoothing.eps` and `loss.class_weights` and `augment.mixup.alpha` and `data.source` do not go together",
    ),
    (
        r#"{"data":{"classes":[3,7]},"loss":{"class_weights":[1,2],"smoothing":{"kind":"train-prior"}}}"#,
        "`loss.class_weights` and `loss.smoothing.kind` do not go together",
    ),
    (r#"{"loss":{"smoothing":{"kind":"val-matched"}}}"#, "`loss.smoothing.kind` and `loss.smoothing.target` do not go"),
    (r#"{"loss":{"smoothing":{"target":"balanced"}}}"#, "`loss.smoothing.kind` and `loss.smoothing.target` do not go"),
    (
        r#"{"loss":{"smoothing":{"kind":"val-matched","target":"perverse","eps":0.1}}}"#,
        "`loss.smoothing.target` and `data.unbalance.enabled` do not go together: without the unbalanced column",
    ),
    (
        r#"{"loss":{"rectification":{"enabled":true,"omega":"given"}}}"#,
        "`loss.rectification.omega` and `loss.rectification.omega_value` do not go together: `given` needs",
    ),
    (
        r#"{"loss":{"rectification":{"enabled":true,"omega_value":1}}}"#,
        "`loss.rectification.omega` and `loss.rectification.omega_value` do not go together: `given` needs",
    ),
    (
        r#"{"loss":{"rectification":{"enabled":true,"omega":"given","omega_value":200}}}"#,
        "`loss.rectification.eta` and `loss.rectification.omega_value` do not go together: their product",
    ),
    (
        r#"{"loss":{"rectification":{"enabled":true,"minority":"per-label"}}}"#,
        "`loss.rectification.minority` and `data.source` do not go together",
    ),
    (
        r#"{"data":{"source":"multi-label"},"loss":{"kind":"bce","rectification":{"enabled":true,"mining":"instance"}}}"#,
        "`loss.rectification.mining` and `data.source` do not go together",
    ),
    // amount
    (
        r#"{"epochs":10000,"evaluate":{"when":"epoch","train":"both","betas":[1,2,3,4,5]}}"#,
        "`epochs` and `evaluate.when` and `evaluate.per_class` do not go together: 320000 numbers per trial are too many",
    ),
    (
        r#"{"epochs":1000,"data":{"source":"cifar100"},"evaluate":{"when":"epoch","per_class":true}}"#,
        "`epochs` and `evaluate.when` and `evaluate.per_class` do not go together: 216000 numbers per trial",
    ),
];

#[test]
fn each_rule_refuses_and_says_why() {
    for (json, begin) in REFUSED {
        let error = Recipe::from_value(&tree(json)).expect_err(json);
        assert!(matches!(&error, RecipeError::Conflict { paths, .. } if paths.len() >= 2), "{json}: {error}");
        assert!(error.to_string().starts_with(begin), "{json}:\n  {error}\n  {begin}");
        assert!(Recipe::from_part(&tree(json)).is_ok(), "a part alone is no conflict: {json}");
    }
}

#[test]
fn what_lies_just_beside_a_rule_is_fine() {
    for json in [
        r#"{"prior":{"train":"zero","validation":"every-split"}}"#,
        r#"{"data":{"source":"imagewoof","noise":50},"batch_size":64}"#,
        r#"{"data":{"source":"synthetic","label_count":5,"synthetic_images":[128,10],"channels":2}}"#,
        r#"{"data":{"source":"imagenette","exact":true}}"#,
        r#"{"data":{"source":"mnist","classes":[3,7],"channels":3,"normalize":{"kind":"none"}}}"#,
        r#"{"data":{"source":"cifar100","classes":[3,99]},"loss":{"class_weights":[1,2]}}"#,
        r#"{"data":{"source":"multi-label","train_rows":[1,2],"validation_rows":[3],"drop_last":false},"loss":{"kind":"bce"}}"#,
        r#"{"data":{"source":"folder","validation_share":0.5}}"#,
        r#"{"data":{"train_limit":100,"drop_last":false}}"#,
        r#"{"batch_size":160,"data":{"tiny":true}}"#,
        r#"{"data":{"normalize":{"kind":"given","mean":[0.5],"deviation":[0.5]}}}"#,
        r#"{"data":{"channels":3,"normalize":{"kind":"given","mean":[1,1,1],"deviation":[1,1,1]}}}"#,
        r#"{"augment":{"resize":{"evaluation_size":28}}}"#,
        r#"{"augment":{"translate":27}}"#,
        r#"{"model":{"arch":"xse-resnext18","activation":"mish","pool":"max","self_attention":true,"symmetric":true}}"#,
        r#"{"model":{"arch":"simple-cnn"},"loss":{"rectification":{"mining":"instance"}}}"#,
        r#"{"optimizer":{"kind":"ranger","softplus":50,"eps_mode":"raw"}}"#,
        r#"{"optimizer":{"kind":"sgd","momentum":0.9},"schedule":{"kind":"constant"}}"#,
        r#"{"data":{"unbalance":{"enabled":true}},"loss":{"smoothing":{"kind":"val-matched","target":"perverse","eps":0.1}}}"#,
        r#"{"loss":{"rectification":{"enabled":true,"omega":"given","omega_value":100}}}"#,
        r#"{"epochs":10000,"evaluate":{"when":"epoch"}}"#,
        // The synthetic trainer does not read what would be in conflict.
        r#"{"trainer":"synthetic","data":{"train_limit":100},"model":{"pool":"max"}}"#,
    ] {
        super::recipe(json);
    }
}

/// Lists as long as a sweep file can hold are answered at once.
#[test]
fn long_lists_take_no_time() {
    let rows = |from: usize| (from..from + 100_000).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let json = format!(
        r#"{{"data":{{"source":"multi-label","train_rows":[{}],"validation_rows":[{}]}},"loss":{{"kind":"bce"}}}}"#,
        rows(0),
        rows(100_000)
    );
    assert_eq!(super::recipe(&json).data.train_rows.len(), 100_000);
}
