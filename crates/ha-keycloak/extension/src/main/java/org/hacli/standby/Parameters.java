package org.hacli.standby;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Types;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What the parameters of a prepared statement have been set to. */
final class Parameters {

    private record Parameter(Method setter, Object[] args) { }

    private final Map<Integer, Parameter> set = new TreeMap<>();

    void put(int index, Method setter, Object[] args) {
        set.put(index, new Parameter(setter, args));
    }

    void clear() {
        set.clear();
    }

    /** The value of an INSERT's column as a text; null: none. */
    String text(Sql sql, String column) {
        Sql.Value value = sql.values().get(column);
        if (value == null) {
            return null;
        }
        if (value.parameter() == 0) {
            return value.literal();
        }
        Parameter parameter = set.get(value.parameter());
        return parameter == null || parameter.setter.getName().equals("setNull") ? null : String.valueOf(parameter.args[1]);
    }

    /** Sets all of them in another statement of the same text. */
    void copyTo(PreparedStatement other) throws SQLException {
        for (Parameter parameter : set.values()) {
            invoke(parameter.setter, other, parameter.args);
        }
    }

    /** Sets these in another statement, in this order. */
    void copyTo(PreparedStatement other, List<Sql.Value> values) throws SQLException {
        for (int i = 0; i < values.size(); i++) {
            Parameter parameter = set.get(values.get(i).parameter());
            if (parameter == null) {
                other.setObject(i + 1, values.get(i).literal(), Types.OTHER); // its column tells the type
            } else {
                Object[] args = parameter.args.clone();
                args[0] = i + 1;
                invoke(parameter.setter, other, args);
            }
        }
    }

    private static void invoke(Method setter, PreparedStatement other, Object[] args) throws SQLException {
        try {
            setter.invoke(other, args);
        } catch (InvocationTargetException e) {
            throw e.getCause() instanceof SQLException cause ? cause : new SQLException(e.getCause());
        } catch (IllegalAccessException e) {
            throw new SQLException(e);
        }
    }
}
