"""Trains the small models of this folder and writes the scores that their own
libraries give. README.md says how to run it. Tests never do."""

import json
import pathlib
import sys

import lightgbm as lgb
import numpy as np
import pandas as pd
import xgboost as xgb
from sklearn import linear_model

HERE = pathlib.Path(__file__).parent
RNG = np.random.default_rng(20260901)
ROWS, SHOWN = 600, 60


def clean(value):
    """Makes JSON of an array: NaN is null, every digit is kept."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [clean(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return None if np.isnan(value) else float(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    return value


def write(name, model, rows, scores, **more):
    """Writes a model and its scores side by side."""
    (HERE / name).write_text(model)
    doc = {"model": name, "library": more.pop("library"), "rows": clean(rows), "scores": clean(scores)}
    doc.update({k: clean(v) for k, v in more.items()})
    lines = json.dumps(doc).replace('], [', '],\n[').replace('"scores"', '\n"scores"')
    (HERE / (name.rsplit(".", 1)[0] + ".scores.json")).write_text(lines + "\n")
    print(name, len(model), file=sys.stderr)


def numbers(holes=0.15, zeros=0.0):
    x = RNG.normal(size=(ROWS, 6))
    x[:, 1] = np.round(x[:, 1] * 3)
    if zeros:
        x[RNG.random(x.shape) < zeros] = 0.0
    if holes:
        x[RNG.random(x.shape) < holes] = np.nan
    return x


def target(x):
    f = np.nan_to_num(x, nan=0.3)
    return f[:, 0] * 1.5 + np.sin(f[:, 1]) + f[:, 2] * f[:, 3] - 0.5 * np.isnan(x[:, 4]) + RNG.normal(scale=0.1, size=len(x))


def with_categories(holes=0.1):
    x = numbers(holes)
    x[:, 1] = RNG.integers(0, 40, ROWS)
    x[:, 5] = RNG.integers(0, 4, ROWS)
    y = target(x) + np.where(np.isin(x[:, 1], [3, 7, 11, 33, 38]), 2.0, -1.0) + (x[:, 5] == 2)
    if holes:
        x[RNG.random(ROWS) < holes, 1] = np.nan
    return x, y


def lightgbm_models():
    version = "lightgbm " + lgb.__version__
    base = dict(verbosity=-1, num_leaves=13, min_data_in_leaf=5, learning_rate=0.15, seed=7, deterministic=True, num_threads=1)

    def train(name, params, x, y, rounds=25, group=None, rows=None, **kw):
        data = lgb.Dataset(x, y, group=group, **kw)
        booster = lgb.train({**base, **params}, data, rounds)
        rows = x[:SHOWN] if rows is None else rows
        more = {}
        if not params.get("linear_tree"):
            more["contributions"] = booster.predict(rows[:12], pred_contrib=True)
        write("lightgbm_" + name + ".txt", booster.model_to_string(), rows, booster.predict(rows),
              raw=booster.predict(rows, raw_score=True), library=version, **more)

    x = numbers()
    y = target(x)
    train("regression", dict(objective="regression"), x, y)
    train("l1", dict(objective="regression_l1"), x, y, 8)
    train("sqrt", dict(objective="regression", reg_sqrt=True), x, y, 8)
    train("binary", dict(objective="binary", sigmoid=0.7), x, y > 0.2)
    train("cross_entropy", dict(objective="cross_entropy"), x, 1 / (1 + np.exp(-y)), 8)
    train("cross_entropy_lambda", dict(objective="cross_entropy_lambda"), x, 1 / (1 + np.exp(-y)), 8)
    train("poisson", dict(objective="poisson"), x, RNG.poisson(np.exp(y / 4)), 8)
    train("tweedie", dict(objective="tweedie"), x, np.maximum(y, 0), 8)
    train("multiclass", dict(objective="multiclass", num_class=3, num_leaves=7), x, np.digitize(y, [-0.7, 0.8]), 12)
    train("multiclassova", dict(objective="multiclassova", num_class=3, num_leaves=7, sigmoid=1.3), x, np.digitize(y, [-0.7, 0.8]), 6)
    train("rank", dict(objective="lambdarank"), x, np.clip(np.digitize(y, [-1, 0, 1]), 0, 3), 15, group=[20] * (ROWS // 20))
    train("dart", dict(objective="regression", boosting="dart", drop_rate=0.4, drop_seed=3), x, y)
    train("rf", dict(objective="binary", boosting="rf", bagging_freq=1, bagging_fraction=0.6, feature_fraction=0.7), x, y > 0.2, 10)
    train("rf_multiclass", dict(objective="multiclass", num_class=3, boosting="rf", bagging_freq=1, bagging_fraction=0.6, num_leaves=5), x, np.digitize(y, [-0.7, 0.8]), 5)
    train("no_missing", dict(objective="regression", use_missing=False), x, y, 8)
    z = numbers(0.05, zeros=0.3)
    train("zero_as_missing", dict(objective="regression", zero_as_missing=True), z, target(z))
    full = numbers(0)
    rows = full[:SHOWN].copy()
    rows[RNG.random(rows.shape) < 0.2] = np.nan
    train("unseen_missing", dict(objective="regression"), full, target(full), 8, rows=rows)
    c, cy = with_categories()
    rows = c[:SHOWN].copy()
    rows[:6, 1] = [-1, 99, 3.7, -0.4, 1e9, np.nan]
    train("categorical", dict(objective="binary", cat_smooth=1, min_data_per_group=1), c, cy > 0, rows=rows, categorical_feature=[1, 5])
    train("linear_tree", dict(objective="regression", linear_tree=True), full, target(full), 3)
    train("constant", dict(objective="regression"), full, np.full(ROWS, 2.5), 3)

    frame = pd.DataFrame({"age": c[:, 0], "city of birth": pd.Categorical(np.array(["Graz", "Linz", "Wien", "Zürich \"x\""])[c[:, 5].astype(int)]), "spend": c[:, 2]})
    data = lgb.Dataset(frame, cy > 0)
    booster = lgb.train({**base, "objective": "binary", "cat_smooth": 1, "min_data_per_group": 1}, data, 15)
    shown = frame[:SHOWN]
    write("lightgbm_pandas.txt", booster.model_to_string(), [list(r) for r in shown.itertuples(index=False)], booster.predict(shown), library=version)


def xgboost_models():
    version = "xgboost " + xgb.__version__

    def train(name, params, x, y, rounds=20, types=None, rows=None, group=None, **kw):
        base = dict(max_depth=4, eta=0.2, seed=5, nthread=1, tree_method="hist")
        names = [f"x{i}" for i in range(x.shape[1])] if kw.pop("named", True) else None
        kw = dict(feature_names=names, feature_types=types, enable_categorical=types is not None)
        data = xgb.DMatrix(x, label=y, **kw)
        if group:
            data.set_group(group)
        booster = xgb.train({**base, **params}, data, rounds)
        rows = x[:SHOWN] if rows is None else rows
        shown = xgb.DMatrix(rows, **kw)
        more = {}
        if params.get("booster") != "dart" and "multi_strategy" not in params:
            few = xgb.DMatrix(rows[:12], **kw)
            more["contributions"] = booster.predict(few, pred_contribs=True)
        write("xgboost_" + name + ".json", booster.save_raw("json").decode(), rows, booster.predict(shown),
              raw=booster.predict(shown, output_margin=True), library=version, **more)

    x = numbers()
    y = target(x)
    three = np.digitize(y, [-0.7, 0.8])
    train("regression", dict(objective="reg:squarederror"), x, y)
    train("unnamed", dict(objective="reg:squarederror", base_score=0.25), x, y, 3, named=False)
    train("logistic", dict(objective="binary:logistic"), x, y > 0.2)
    train("logitraw", dict(objective="binary:logitraw"), x, y > 0.2, 5)
    train("reglogistic", dict(objective="reg:logistic", base_score=0.3), x, 1 / (1 + np.exp(-y)), 5)
    train("hinge", dict(objective="binary:hinge"), x, y > 0.2, 5)
    train("softprob", dict(objective="multi:softprob", num_class=3), x, three, 10)
    train("softmax", dict(objective="multi:softmax", num_class=3), x, three, 10)
    train("poisson", dict(objective="count:poisson"), x, RNG.poisson(np.exp(y / 4)), 10)
    train("gamma", dict(objective="reg:gamma"), x, np.exp(y / 3), 10)
    train("tweedie", dict(objective="reg:tweedie"), x, np.maximum(y, 0), 10)
    train("absolute", dict(objective="reg:absoluteerror"), x, y, 5)
    train("rank", dict(objective="rank:ndcg"), x, np.digitize(y, [-1, 0, 1]), 10, group=[20] * (ROWS // 20))
    train("dart", dict(objective="binary:logistic", booster="dart", rate_drop=0.4, one_drop=1), x, y > 0.2, 15)
    train("dart_softprob", dict(objective="multi:softprob", num_class=3, booster="dart", rate_drop=0.4), x, three, 5)
    train("forest", dict(objective="binary:logistic", num_parallel_tree=6, subsample=0.6, eta=1, colsample_bynode=0.6), x, y > 0.2, 1)
    train("gblinear", dict(objective="binary:logistic", booster="gblinear", tree_method="auto"), x, y > 0.2, 10)
    train("gblinear_softprob", dict(objective="multi:softprob", num_class=3, booster="gblinear", tree_method="auto"), x, three, 10)
    c, cy = with_categories()
    types = ["float", "c", "float", "float", "float", "c"]
    train("categorical", dict(objective="binary:logistic", max_cat_to_onehot=5), c, cy > 0, types=types)
    frame = pd.DataFrame({"age": c[:, 0], "city": pd.Categorical(np.array(["Graz", "Linz", "Wien", "Wels"])[c[:, 5].astype(int)]), "spend": c[:, 2]})
    booster = xgb.train(dict(objective="binary:logistic", max_depth=4, tree_method="hist", nthread=1), xgb.DMatrix(frame, label=cy > 0, enable_categorical=True), 8)
    shown = frame[:SHOWN]
    write("xgboost_pandas.json", booster.save_raw("json").decode(), [list(r) for r in shown.itertuples(index=False)],
          booster.predict(xgb.DMatrix(shown, enable_categorical=True)), library=version)
    try:
        train("vector_leaf", dict(multi_strategy="multi_output_tree", objective="reg:squarederror"), x, np.stack([y, -y], axis=1), 2)
    except xgb.core.XGBoostError as e:
        print("vector_leaf:", e, file=sys.stderr)


def linear_models():
    import sklearn

    version = "scikit-learn " + sklearn.__version__
    x = numbers(0)
    y = target(x)
    names = [f"x{i}" for i in range(6)]

    def doc(link, model, classes=None):
        coef, bias = np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)
        out = {"format": "linear", "link": link, "inputs": [{"name": n} for n in names]}
        sums = [{"intercept": float(b), "weights": {n: float(w) for n, w in zip(names, c)}} for b, c in zip(bias, coef)]
        if classes:
            out["classes"] = classes
        out["sums"] = sums
        return json.dumps(out, indent=1)

    m = linear_model.Ridge().fit(x, y)
    write("linear_regression.json", doc("identity", m), x[:SHOWN], m.predict(x[:SHOWN]), library=version)
    m = linear_model.LogisticRegression().fit(x, y > 0.2)
    write("linear_logistic.json", doc("logit", m), x[:SHOWN], m.predict_proba(x[:SHOWN])[:, 1], library=version)
    m = linear_model.LogisticRegression().fit(x, np.digitize(y, [-0.7, 0.8]))
    write("linear_softmax.json", doc("softmax", m, ["low", "middle", "high"]), x[:SHOWN], m.predict_proba(x[:SHOWN]), library=version)
    m = linear_model.PoissonRegressor().fit(x, RNG.poisson(np.exp(y / 4)))
    write("linear_poisson.json", doc("log", m), x[:SHOWN], m.predict(x[:SHOWN]), library=version)


if __name__ == "__main__":
    lightgbm_models()
    xgboost_models()
    linear_models()
