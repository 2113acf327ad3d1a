package org.hacli.standby;

import org.keycloak.Config;
import org.keycloak.models.KeycloakSessionFactory;
import org.keycloak.provider.Provider;
import org.keycloak.provider.ProviderFactory;

/** What all factories have in common that stand in front of one of Keycloak's own: see {@link Wrapping}. */
interface InFront<P extends Provider> extends ProviderFactory<P> {

    @Override
    default void init(Config.Scope config) { }

    @Override
    default void postInit(KeycloakSessionFactory factory) { }

    @Override
    default void close() { }

    @Override
    default String getId() {
        return Wrapping.ID;
    }

    @Override
    default int order() {
        return Wrapping.ORDER;
    }
}
