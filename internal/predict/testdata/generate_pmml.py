"""Trains scikit-learn pipelines, has sklearn2pmml write them as PMML and keeps
scikit-learn's own scores beside them. README.md says how to run it."""

import pathlib
import sys
import warnings

import lightgbm
import numpy as np
import pandas as pd
import sklearn
import xgboost
from sklearn import compose, ensemble, impute, linear_model, preprocessing, tree
from sklearn2pmml import sklearn2pmml
from sklearn2pmml.decoration import CategoricalDomain, ContinuousDomain
from sklearn2pmml.pipeline import PMMLPipeline

from generate import HERE, ROWS, SHOWN, clean, write

warnings.filterwarnings("ignore")
RNG = np.random.default_rng(20260902)
CITIES = np.array(["Graz", "Linz", "Wien", "Salz<b>&urg"])


def frame(holes=0.0):
    """Two numbers, a whole number and a text, with a target of each kind."""
    f = pd.DataFrame({"age": RNG.normal(40, 12, ROWS).round(1), "spend": RNG.gamma(2, 50, ROWS), "visits": RNG.integers(0, 9, ROWS), "city": CITIES[RNG.integers(0, 4, ROWS)]})
    score = (f.age - 40) / 12 + f.spend / 100 - f.visits / 4 + (f.city == "Wien") * 1.2 + RNG.normal(scale=0.3, size=ROWS)
    if holes:
        f["visits"] = f["visits"].astype(float)
        for column in ["age", "spend", "visits"]:
            f.loc[RNG.random(ROWS) < holes, column] = np.nan
    return f, score, np.where(score > 0.6, "yes", "no"), np.array(["low", "middle", "high"])[np.digitize(score, [-0.2, 1.2])]


def save(name, pipeline, f, y, probability=False):
    pipeline.fit(f, y)
    target = HERE / f"pmml_{name}.pmml"
    try:
        sklearn2pmml(pipeline, str(target))
    except Exception as e:  # a pair of versions that do not fit
        print(name, "is left out:", str(e)[:300], file=sys.stderr)
        return
    shown = f[:SHOWN]
    scores = pipeline.predict_proba(shown) if probability else pipeline.predict(shown)
    more = {"classes": [str(c) for c in pipeline.classes_]} if probability else {}
    write(target.name, target.read_text(), [list(r) for r in shown.itertuples(index=False)], np.asarray(scores),
          library="scikit-learn " + sklearn.__version__, names=list(f.columns), **more)


def columns(number, category):
    numbers = ["age", "spend", "visits"]
    return compose.ColumnTransformer([("n", number, numbers), ("c", category, ["city"])])


def main():
    f, score, yes, three = frame()
    one_hot = preprocessing.OneHotEncoder(handle_unknown="ignore")
    ordinal = preprocessing.OrdinalEncoder()
    scale = preprocessing.StandardScaler
    save("tree", PMMLPipeline([("x", columns("passthrough", one_hot)), ("m", tree.DecisionTreeClassifier(max_depth=5))]), f, three, True)
    save("tree_regression", PMMLPipeline([("x", columns("passthrough", ordinal)), ("m", tree.DecisionTreeRegressor(max_depth=5))]), f, score)
    save("forest", PMMLPipeline([("x", columns("passthrough", one_hot)), ("m", ensemble.RandomForestClassifier(8, max_depth=4, random_state=1))]), f, three, True)
    save("forest_regression", PMMLPipeline([("x", columns("passthrough", one_hot)), ("m", ensemble.RandomForestRegressor(8, max_depth=4, random_state=1))]), f, score)
    save("boosting", PMMLPipeline([("x", columns("passthrough", one_hot)), ("m", ensemble.GradientBoostingClassifier(n_estimators=10, random_state=1))]), f, yes, True)
    save("boosting_three", PMMLPipeline([("x", columns("passthrough", one_hot)), ("m", ensemble.GradientBoostingClassifier(n_estimators=5, random_state=1))]), f, three, True)
    save("linear", PMMLPipeline([("x", columns(scale(), one_hot)), ("m", linear_model.LinearRegression())]), f, score)
    save("logistic", PMMLPipeline([("x", columns(scale(), one_hot)), ("m", linear_model.LogisticRegression())]), f, yes, True)
    save("softmax", PMMLPipeline([("x", columns(preprocessing.MinMaxScaler(), one_hot)), ("m", linear_model.LogisticRegression())]), f, three, True)
    save("polynomial", PMMLPipeline([("x", columns(preprocessing.PolynomialFeatures(2), one_hot)), ("m", linear_model.Ridge())]), f, score)
    save("binned", PMMLPipeline([("x", columns(preprocessing.KBinsDiscretizer(4, encode="onehot"), one_hot)), ("m", linear_model.LogisticRegression())]), f, yes, True)
    save("power", PMMLPipeline([("x", columns(preprocessing.FunctionTransformer(np.log1p), one_hot)), ("m", linear_model.Ridge())]), f, score)
    save("poisson", PMMLPipeline([("x", columns(scale(), one_hot)), ("m", linear_model.PoissonRegressor())]), f, np.maximum(score, 0))
    save("vote", PMMLPipeline([("x", columns(scale(), one_hot)), ("m", ensemble.VotingClassifier([("a", linear_model.LogisticRegression()), ("b", tree.DecisionTreeClassifier(max_depth=3))], voting="soft"))]), f, yes, True)

    h, score, yes, three = frame(0.15)
    fill = impute.SimpleImputer(strategy="median")
    save("imputed", PMMLPipeline([("x", columns(fill, one_hot)), ("m", linear_model.LogisticRegression(max_iter=1000))]), h, yes, True)
    domain = [(["age", "spend", "visits"], ContinuousDomain(missing_value_replacement=-1.0, invalid_value_treatment="as_is"))]
    save("lightgbm", PMMLPipeline([("x", columns("passthrough", ordinal)), ("m", lightgbm.LGBMClassifier(n_estimators=8, num_leaves=7, verbosity=-1))]), h, yes, True)
    save("xgboost", PMMLPipeline([("x", columns("passthrough", one_hot)), ("m", xgboost.XGBRegressor(n_estimators=8, max_depth=3))]), h, score)
    save("histogram", PMMLPipeline([("x", columns("passthrough", one_hot)), ("m", ensemble.HistGradientBoostingClassifier(max_iter=8, max_leaf_nodes=6))]), f, yes, True)


if __name__ == "__main__":
    main()
